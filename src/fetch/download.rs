//! One file over HTTP, going on where an earlier attempt was cut off.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::FetchError;

/// Beyond this nothing is written, whatever a server sends.
const MOST: u64 = 16 << 30;

/// What is fetched to where.
#[derive(Clone, Copy, Debug)]
pub struct Download<'a> {
    /// The address.
    pub url: &'a str,
    /// The file that it becomes; until it is complete its name ends with `.part`.
    pub to: &'a Path,
}

impl Download<'_> {
    fn part(&self) -> PathBuf {
        let mut name = self.to.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        self.to.with_file_name(name)
    }
}

/// Fetches a file. `progress(bytes there, bytes announced)` is called now and then.
///
/// # Errors
/// No connection, another status than success, or a body of another length than announced: what has arrived is kept.
pub fn download(what: Download<'_>, mut progress: impl FnMut(u64, Option<u64>)) -> Result<(), FetchError> {
    let part = what.part();
    let there = fs::metadata(&part).map_or(0, |metadata| metadata.len());
    let (mut body, begin, expected) = ask(what.url, there)?;
    let io = FetchError::io(&part);
    let mut file = OpenOptions::new().create(true).write(true).truncate(begin == 0).open(&part).map_err(&io)?;
    // A server that does not know ranges sends everything again.
    std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(begin)).map_err(&io)?;
    let mut found = begin;
    let mut buffer = vec![0; 1 << 16];
    loop {
        progress(found, expected);
        let n = match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(error) => {
                file.sync_data().map_err(&io)?;
                return Err(FetchError::Connection { url: what.url.into(), problem: error.to_string() });
            }
        };
        file.write_all(&buffer[..n]).map_err(&io)?;
        found += n as u64;
        if found > expected.unwrap_or(MOST).min(MOST) {
            let _ = fs::remove_file(&part);
            return Err(FetchError::Length { url: what.url.into(), expected: expected.unwrap_or(MOST), found });
        }
    }
    file.sync_all().map_err(&io)?;
    if let Some(expected) = expected.filter(|&expected| expected != found) {
        return Err(FetchError::Length { url: what.url.into(), expected, found });
    }
    fs::rename(&part, what.to).map_err(FetchError::io(what.to))
}

type Answer = (Box<dyn Read>, u64, Option<u64>);

/// The body, the byte that it begins with, and the length of the whole file if the server tells.
fn ask(url: &str, there: u64) -> Result<Answer, FetchError> {
    let config = ureq::Agent::config_builder()
        .timeout_connect(Some(Duration::from_secs(30)))
        .timeout_recv_response(Some(Duration::from_secs(60)))
        .http_status_as_error(false)
        .user_agent(concat!("edgebench/", env!("CARGO_PKG_VERSION")));
    let agent: ureq::Agent = config.build().into();
    let get = |from: u64| {
        let request = agent.get(url);
        let request = if from > 0 { request.header("Range", format!("bytes={from}-")) } else { request };
        let failed = |error: ureq::Error| FetchError::Connection { url: url.into(), problem: error.to_string() };
        request.call().map_err(failed)
    };
    let mut response = get(there)?;
    // What is there cannot be continued: it is complete, or another file.
    if response.status().as_u16() == 416 {
        response = get(0)?;
    }
    let number = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
    let length = number("content-length").and_then(|text| text.parse::<u64>().ok());
    let (begin, whole) = match response.status().as_u16() {
        200 => (0, length),
        206 => {
            let range = number("content-range").unwrap_or_default();
            let begins =
                range.strip_prefix("bytes ").and_then(|rest| rest.split_once('-')).and_then(|(n, _)| n.parse().ok());
            if begins != Some(there) {
                return Err(FetchError::Connection {
                    url: url.into(),
                    problem: format!("asked for bytes from {there}, got {range:?}"),
                });
            }
            (there, length.map(|length| there + length))
        }
        status => return Err(FetchError::Status { url: url.into(), status }),
    };
    Ok((Box::new(response.into_body().into_reader()), begin, whole))
}
