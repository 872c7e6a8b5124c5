"""Suwen (素问): a self-hosted clinical-AI platform. Start reading at ARCHITECTURE.md."""

__version__ = "0.1.0"
