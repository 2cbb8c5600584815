//! Scripts and configurations that start programs: refused, warned about, kept, or left alone.

mod compiled;
mod entry;
mod languages;
mod official;
mod services;
