//! Other machines, through the user's own OpenSSH.
//!
//! ```text
//! here                                     there, in ~/.cache/edgebench
//! job: program, arguments, parcels ─send─► blobs/SHA256, jobs/ID
//!                                 ─start─► edgebench host run JOB      (goes on without us)
//! ledger, report ◄─────────── lines ────── edgebench host follow JOB   (again, after a cut, from where we were)
//! ```
//! A job runs by itself: what it measures goes into a ledger of its own, and [`serve::follow`] tells the lines of that file. So a
//! cut connection costs nothing: the next one goes on at the next byte.
//!
//! * [`address`]: how a machine is named;
//! * [`shell`]: text for a shell at the other end;
//! * [`ssh`]: one connection, commands, and what their failures mean;
//! * [`program`]: the program for an architecture;
//! * [`parcel`]: files and directories by hash; [`tar`]: a directory as bytes;
//! * [`job`]: what is to be done, by hash;
//! * [`host`]: look at a machine, start, follow; `send`: files on their way;
//! * [`serve`]: the other end; [`line`](mod@line): what it says;
//! * [`facts`]: what a machine tells about itself;
//! * [`error`]: what can go wrong.

pub mod address;
pub mod error;
pub mod facts;
pub mod host;
pub mod job;
pub mod line;
pub mod parcel;
pub mod program;
mod send;
pub mod serve;
pub mod shell;
pub mod ssh;
pub mod tar;

pub use address::Address;
pub use error::RemoteError;
pub use host::Host;
