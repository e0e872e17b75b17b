//! edgebench
