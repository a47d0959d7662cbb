"""The books: balances, proofs, statements, closes, audits, and how sure all of it is."""
