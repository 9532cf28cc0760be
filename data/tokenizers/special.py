"""The special tokens, the same for every tokenizer and every model."""

PAD_ID = 0
UNK_ID = 1
BOS_ID = 2
EOS_ID = 3
IDS = {"bos": BOS_ID, "eos": EOS_ID, "pad": PAD_ID}
"""What a search has to know."""

PAD = "<pad>"
UNK = "<unk>"
BOS = "<s>"
EOS = "</s>"

SPECIAL_TOKENS = (PAD, UNK, BOS, EOS)
