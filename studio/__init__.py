"""Plumbline: a desktop studio in which a language model is made your own by clicking."""

__version__ = "0.1.0"
