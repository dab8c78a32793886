"""Agents that ask a language model. What a model says gates nothing: code checks every number it gives, and
where there is no usable answer an agent does what its numeric twin does, and says so."""
