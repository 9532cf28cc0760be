// The words as vectors: nearest words and analogies, as apps/word_vectors/predictor.py computes them.

class WordSpace {
  /** words: strings; vectors: {data: Float32Array (words · width), rows, columns}. */
  constructor(words, vectors) {
    this.words = words;
    this.width = vectors.columns;
    this.unit = new Float32Array(vectors.data.length);
    this.rows = new Map(words.map((word, row) => [word, row]));
    for (let row = 0; row < words.length; row++) {
      const start = row * this.width;
      let sum = 0;
      for (let k = start; k < start + this.width; k++) sum += vectors.data[k] ** 2;
      const scale = 1 / Math.max(Math.sqrt(sum), 1e-12);
      for (let k = start; k < start + this.width; k++) this.unit[k] = vectors.data[k] * scale;
    }
  }

  /** A word's row: as it is written, else in small letters; -1 where it is not known. */
  find(word) {
    const text = word.trim();
    return this.rows.get(text) ?? this.rows.get(text.toLowerCase()) ?? -1;
  }

  /** The nearest words to a sum of unit vectors: [[row, cosine]], nearest first, the summed ones left out. */
  nearest(rows, signs, count) {
    const query = new Float32Array(this.width);
    rows.forEach((row, n) => {
      for (let k = 0; k < this.width; k++) query[k] += signs[n] * this.unit[row * this.width + k];
    });
    const length = Math.max(Math.sqrt(query.reduce((sum, value) => sum + value * value, 0)), 1e-12);
    const without = new Set(rows);
    const best = [];
    for (let row = 0, at = 0; row < this.words.length; row++) {
      let sum = 0;
      for (let k = 0; k < this.width; k++) sum += this.unit[at++] * query[k];
      if (best.length === count && sum / length <= best[count - 1][1]) continue;
      if (without.has(row)) continue;
      let place = best.length;
      while (place && best[place - 1][1] < sum / length) place--;
      best.splice(place, 0, [row, sum / length]);
      if (best.length > count) best.pop();
    }
    return best;
  }

  /** Known words that begin alike, for a word that is not known. */
  like(word, count) {
    const text = word.trim().toLowerCase();
    for (let cut = text.length; cut > 1; cut--) {
      const found = this.words.filter((one) => one.startsWith(text.slice(0, cut)) && one !== text).slice(0, count);
      if (found.length) return found;
    }
    return [];
  }
}
