//! Accounts that the configuration of kept programs names.
