"""Auricle: self-hosted analytics for voice assistants, AI products, websites and the systems behind them."""

__version__ = "0.1.0"
