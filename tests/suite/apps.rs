//! Whole runs of the program on small trees that are shaped like real images: what is kept keeps working, what is not
//! kept is gone, and a second run finds nothing. Needs root.

mod configurations;
mod image;
mod logins;
mod packages;
