"""Receipts and statements on paper: one page model, drawn as HTML and as PDF."""
