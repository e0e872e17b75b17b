//! The `edgebench` command; everything lives in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    edgebench::commands::main()
}
