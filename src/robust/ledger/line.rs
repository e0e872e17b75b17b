//! A line of a ledger: a record as JSON, in an envelope with a checksum over its very bytes.

use flate2::Crc;

use super::record::Record;

const HEAD: &str = "{\"crc\":\"";
const MIDDLE: &str = "\",\"record\":";
const TAIL: &str = "}";

/// `record` as a line, with its line end.
pub(super) fn write(record: &Record) -> String {
    let json = serde_json::to_string(record).expect("records are plain data");
    format!("{HEAD}{:08x}{MIDDLE}{json}{TAIL}\n", sum(&json))
}

/// The record of a line (without its line end), or what is wrong with it.
///
/// # Errors
/// What is wrong with it, in words.
pub fn read(line: &[u8]) -> Result<Record, String> {
    let text = std::str::from_utf8(line).map_err(|_| "not text".to_owned())?;
    let envelope = text.strip_prefix(HEAD).and_then(|rest| rest.split_once(MIDDLE));
    let (stated, rest) = envelope.ok_or("expected {\"crc\":…,\"record\":…}")?;
    let json = rest.strip_suffix(TAIL).ok_or("the line is cut")?;
    let found = format!("{:08x}", sum(json));
    if stated != found {
        return Err(format!("its checksum is {found}, it says {stated:.8}"));
    }
    serde_json::from_str(json).map_err(|error| format!("unknown record ({error}); was it written by a later version?"))
}

fn sum(text: &str) -> u32 {
    let mut crc = Crc::new();
    crc.update(text.as_bytes());
    crc.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_changed_byte_is_noticed() {
        let line = write(&Record::Ledger("edgebench.ledger/1".into()));
        let line = line.trim_end();
        assert_eq!(line, "{\"crc\":\"141d07d0\",\"record\":{\"ledger\":\"edgebench.ledger/1\"}}");
        assert!(read(line.as_bytes()).is_ok());
        for at in 0..line.len() {
            for bit in 0..8 {
                let mut changed = line.as_bytes().to_vec();
                changed[at] ^= 1 << bit;
                assert!(read(&changed).is_err(), "{at} {bit}");
            }
            assert!(read(&line.as_bytes()[..at]).is_err());
        }
    }
}
