"""The special tokens, the same for every tokenizer and every model."""

PAD_ID = 0
UNK_ID = 1
BOS_ID = 2
EOS_ID = 3

PAD = "<pad>"
UNK = "<unk>"
BOS = "<s>"
EOS = "</s>"

SPECIAL_TOKENS = (PAD, UNK, BOS, EOS)
