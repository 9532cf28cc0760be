// Tokens as a reader sees them.

const SPECIAL = { "</s>": "end", "<s>": "start", "<unk>": "unknown", "<pad>": "padding" };

/** A token as text for labels; a piece inside a word begins with a hyphen. */
function tokenText(token, pieces = "subwords", first = false) {
  if (SPECIAL[token]) return SPECIAL[token];
  if (pieces === "characters") return token === " " || token === "▁" ? "␣" : token;
  if (pieces === "words") return token;
  const bare = token.replaceAll("▁", " ").trim();
  if (!bare) return "␣";
  return token.startsWith("▁") || first || !/^[\p{L}\p{N}]/u.test(bare) ? bare : `-${bare}`;
}

const isSpecial = (token) => token in SPECIAL;

/** Groups tokens into words: [{tokens: [indices]}]. */
function groupWords(tokens, pieces) {
  const words = [];
  tokens.forEach((token, index) => {
    const starts =
      pieces === "words" ||
      isSpecial(token) ||
      index === 0 ||
      isSpecial(tokens[index - 1]) ||
      (pieces === "characters" ? /\s|▁/.test(token) : token.startsWith("▁"));
    if (starts) words.push({ tokens: [] });
    words[words.length - 1].tokens.push(index);
  });
  return words;
}

/** What a token adds to the running text, without its word mark. */
function pieceText(token) {
  return SPECIAL[token] || token.replaceAll("▁", " ").trim() || "␣";
}

/** Tokens as a sentence. */
function sentence(tokens, pieces) {
  const said = tokens.filter((token) => !isSpecial(token));
  if (pieces === "words") return said.join(" ");
  return said.join("").replaceAll("▁", " ").trim();
}

const NARROW_SPACE = " ";

function percent(share) {
  const value = share * 100;
  if (value > 0 && value < 0.1) return "<0.1%";
  if (value > 99.9 && value < 100) return ">99.9%";
  return `${value.toFixed(value >= 99.95 ? 0 : 1)}%`;
}

const wholePercent = (share) => (share > 0 && share < 0.005 ? "<1%" : `${Math.round(share * 100)}%`);

/** A number with a true minus sign. */
function signed(value, digits = 2, plus = false) {
  const text = Math.abs(value).toFixed(digits);
  const zero = Number(text) === 0;
  return (value < 0 && !zero ? "−" : plus && !zero ? "+" : "") + text;
}

function grouped(count) {
  const text = String(Math.round(count));
  return text.length < 5 ? text : text.replace(/\B(?=(\d{3})+$)/g, NARROW_SPACE);
}

function ordinal(rank) {
  const names = ["", "first", "second", "third", "fourth", "fifth"];
  if (names[rank]) return names[rank];
  const tail = rank % 100 > 10 && rank % 100 < 14 ? "th" : { 1: "st", 2: "nd", 3: "rd" }[rank % 10] || "th";
  return `${grouped(rank)}${tail}`;
}
