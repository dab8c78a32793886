"""What pages show, in which order and in which words: sections of blocks, made of facts."""
