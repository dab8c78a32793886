"""The generator's version: what was found on other worlds is not mixed with what is found on these."""

VERSION = "2"
