"""Scenes: people who walk past several cameras, with the truth about them."""
