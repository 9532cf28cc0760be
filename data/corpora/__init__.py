"""One reader a corpus. A reader yields plain Python values and checks what it reads."""
