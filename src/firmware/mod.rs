//! Networks on microcontrollers: plans as source, boards, the program for them, and what it says.

pub mod core;
