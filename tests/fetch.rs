//! Downloads from a server on the loopback device: whole, cut off, resumed, wrong; archives that are hostile.
#![cfg(feature = "fetch")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use edgebench::fetch::{Download, FetchError, SETS, download, extract, md5_of};

/// How the server behaves.
#[derive(Clone, Copy)]
struct Manners {
    status: u16,
    ranges: bool,
    /// Bytes after which the first connection is cut; 0: none is.
    cut: usize,
}

const POLITE: Manners = Manners { status: 200, ranges: true, cut: 0 };

/// Serves `body` at every path; gives its address and the ranges that were asked for.
fn serve(body: Vec<u8>, manners: Manners) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}/file", listener.local_addr().expect("an address"));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let Ok(mut stream) = stream else { return };
            let mut range = String::new();
            let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) < 3 {
                    break;
                }
                if let Some(value) = line.to_lowercase().strip_prefix("range: bytes=") {
                    range = value.trim().to_owned();
                }
            }
            log.lock().expect("a log").push(range.clone());
            let from = range.trim_end_matches('-').parse::<usize>().ok().filter(|_| manners.ranges);
            let (status, extra, part) = match from {
                _ if manners.status != 200 => (manners.status, String::new(), &b"no"[..]),
                Some(from) if from >= body.len() => (416, String::new(), &b""[..]),
                Some(from) => {
                    (206, format!("Content-Range: bytes {from}-{}/{}\r\n", body.len() - 1, body.len()), &body[from..])
                }
                None => (200, String::new(), &body[..]),
            };
            let sent = if number == 0 && manners.cut > 0 { &part[..manners.cut] } else { part };
            let head =
                format!("HTTP/1.1 {status} X\r\n{extra}Content-Length: {}\r\nConnection: close\r\n\r\n", part.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(sent));
        }
    });
    (address, asked)
}

fn noise(n: usize) -> Vec<u8> {
    (0..n as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn get(url: &str, to: &Path) -> Result<(), FetchError> {
    download(Download { url, to }, |_, _| ())
}

#[test]
fn a_file_arrives_whole() {
    let dir = tempfile::tempdir().expect("a directory");
    let to = dir.path().join("file");
    let (url, _) = serve(noise(300_000), POLITE);
    get(&url, &to).expect("a download");
    assert_eq!(fs::read(&to).expect("a file"), noise(300_000));
    assert_eq!(fs::read_dir(dir.path()).expect("a directory").count(), 1, "nothing else is left");
}

#[test]
fn what_was_cut_off_goes_on() {
    for ranges in [true, false] {
        let dir = tempfile::tempdir().expect("a directory");
        let to = dir.path().join("file");
        let (url, asked) = serve(noise(300_000), Manners { cut: 100_000, ranges, ..POLITE });
        let error = get(&url, &to).expect_err("it was cut").to_string();
        assert!(error.contains("goes on from there"), "{error}");
        assert!(!to.exists() && dir.path().join("file.part").exists());
        get(&url, &to).expect("the rest");
        assert_eq!(fs::read(&to).expect("a file"), noise(300_000), "ranges: {ranges}");
        assert_eq!(asked.lock().expect("a log")[1], "100000-");
    }
}

#[test]
fn a_part_that_is_too_long_is_no_part() {
    let dir = tempfile::tempdir().expect("a directory");
    let to = dir.path().join("file");
    fs::write(dir.path().join("file.part"), noise(5_000)).expect("a file");
    let (url, _) = serve(noise(1_000), POLITE);
    get(&url, &to).expect("a download");
    assert_eq!(fs::read(&to).expect("a file"), noise(1_000));
}

#[test]
fn refusals_name_the_address() {
    let dir = tempfile::tempdir().expect("a directory");
    let (url, _) = serve(Vec::new(), Manners { status: 404, ..POLITE });
    let error = get(&url, &dir.path().join("file")).expect_err("no file").to_string();
    assert!(error.contains("404") && error.contains(&url), "{error}");
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("an address");
    let error = get(&format!("http://{closed}/"), &dir.path().join("file")).expect_err("nobody").to_string();
    assert!(error.contains("no connection"), "{error}");
}

#[test]
fn another_file_than_the_published_one_is_not_unpacked() {
    let dir = tempfile::tempdir().expect("a directory");
    let (url, _) = serve(noise(10_000), POLITE);
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgebench"));
    let run =
        command.args(["data", "fetch", "cifar10", "--url", &url, "--dir"]).arg(dir.path()).output().expect("a run");
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert_eq!(run.status.code(), Some(2), "{said}");
    assert!(said.contains(SETS[0].md5) && said.contains("MD5 is"), "{said}");
    assert_eq!(fs::read_dir(dir.path()).expect("a directory").count(), 0, "nothing is left");
}

/// Name, type, content.
type Entry<'a> = (&'a str, tar::EntryType, &'a [u8]);

/// An archive with these entries.
fn archive(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, kind, content) in entries {
        let mut header = tar::Header::new_gnu();
        // The safe interface refuses what hostile archives hold.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, *content).expect("an entry");
    }
    builder.into_inner().expect("an archive")
}

#[test]
fn archives_stay_in_their_directory() {
    use tar::EntryType::{Directory, Regular, Symlink};
    let dir = tempfile::tempdir().expect("a directory");
    let (into, file) = (dir.path().join("into"), dir.path().join("a.tar"));
    fs::create_dir(&into).expect("a directory");
    let attempts: [(&[Entry<'_>], &str); 5] = [
        (&[("set/a", Regular, b"x"), ("../evil", Regular, b"x")], "outside of its directory"),
        (&[("/tmp/edgebench-evil", Regular, b"x")], "outside of its directory"),
        (&[("set/link", Symlink, b"")], "link or device"),
        (&[("other/a", Regular, b"x")], "holds no directory set"),
        (&[], "holds no directory set"),
    ];
    for (entries, expected) in attempts {
        fs::write(&file, archive(entries)).expect("a file");
        let error = extract(&file, &into, "set").expect_err("hostile").to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!(fs::read_dir(&into).expect("a directory").count(), 0, "nothing is left");
    }
    assert!(!dir.path().join("evil").exists() && !Path::new("/tmp/edgebench-evil").exists());

    let good =
        archive(&[("set/", Directory, b""), ("set/a.bin", Regular, b"content"), ("set/sub/b.bin", Regular, b"more")]);
    fs::write(&file, &good[..700]).expect("a file");
    assert!(extract(&file, &into, "set").is_err(), "a cut archive");
    fs::write(&file, &good).expect("a file");
    extract(&file, &into, "set").expect("a sound archive");
    assert_eq!(fs::read(into.join("set/sub/b.bin")).expect("a file"), b"more");
    assert!(extract(&file, &into, "set").expect_err("it is there").to_string().contains("is there already"));
}

#[test]
fn checksums_are_those_of_md5() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("abc");
    fs::write(&file, b"abc").expect("a file");
    assert_eq!(md5_of(&file).expect("a file"), "900150983cd24fb0d6963f7d28e17f72");
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgebench"));
    let run = command.args(["data", "verify"]).arg(&file).output().expect("a run");
    assert_eq!(run.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&run.stdout).contains("none of the published"));
}
