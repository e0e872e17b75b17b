//! Class numbers as text: two hexadecimal digits each, four where one is 256 or more (then an `x` stands in front).

use serde::{Deserialize, Deserializer, Serializer};

const DIGITS: &[u8; 16] = b"0123456789abcdef";

pub(super) fn serialize<S: Serializer>(values: &[u16], serializer: S) -> Result<S::Ok, S::Error> {
    let wide = values.iter().any(|&value| value > 0xff);
    let mut text = String::with_capacity(values.len() * if wide { 4 } else { 2 } + 1);
    if wide {
        text.push('x');
    }
    for value in values {
        let digit = |shift: u16| DIGITS[usize::from(value >> shift & 15)] as char;
        if wide {
            text.extend([digit(12), digit(8)]);
        }
        text.extend([digit(4), digit(0)]);
    }
    serializer.serialize_str(&text)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u16>, D::Error> {
    let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
    let (digits, each) = text.strip_prefix('x').map_or((&*text, 2), |rest| (rest, 4));
    let value = |digits: &[u8]| {
        digits.iter().try_fold(0_u16, |value, &digit| Some(value << 4 | (digit as char).to_digit(16)? as u16))
    };
    let values = digits.as_bytes().chunks(each).map(|digits| value(digits).filter(|_| digits.len() == each));
    let malformed = || serde::de::Error::custom("expected pairs (after an x: fours) of hexadecimal digits");
    values.collect::<Option<Vec<u16>>>().ok_or_else(malformed)
}

#[cfg(test)]
mod tests {
    #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
    struct Row(#[serde(with = "super")] Vec<u16>);

    #[test]
    fn numbers_lead_back() {
        for (values, text) in [(vec![], "\"\""), (vec![0, 9, 255], "\"0009ff\""), (vec![0, 999], "\"x000003e7\"")] {
            assert_eq!(serde_json::to_string(&Row(values.clone())).expect("JSON"), text);
            assert_eq!(serde_json::from_str::<Row>(text).expect("numbers"), Row(values));
        }
        assert!(
            ["\"0\"", "\"0g\"", "\"x0003e7\"", "\"é\""].iter().all(|text| serde_json::from_str::<Row>(text).is_err())
        );
    }
}
