//! Secrets by content: what looks like one, and what only looks so.
