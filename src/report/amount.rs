//! Numbers as a person reads them.

/// Bytes in the units of IEC 80000-13: `12.3 MiB`.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let (mut unit, mut tenths) = ("", u128::from(bytes) * 10);
    for next in UNITS {
        (unit, tenths) = (next, tenths / 1024);
        if tenths < 10_240 {
            break;
        }
    }
    format!("{}.{} {unit}", number(usize::try_from(tenths / 10).unwrap_or(usize::MAX)), tenths % 10)
}

/// A number with commas between thousands.
pub(super) fn number(count: usize) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// So many of a thing: `1 step`, `2 steps`.
pub(super) fn counted(count: usize, one: &str) -> String {
    format!("{} {one}{}", number(count), if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::{counted, number, size};

    #[test]
    fn one_thing_is_not_many() {
        assert_eq!([0, 1, 2000].map(|count| counted(count, "step")), ["0 steps", "1 step", "2,000 steps"]);
    }

    #[test]
    fn sizes_and_numbers_are_short() {
        let shown = [0, 1023, 1024, 1_048_575, 1_048_576, 164_000_000, u64::MAX].map(size);
        assert_eq!(shown, ["0 B", "1023 B", "1.0 KiB", "1,023.9 KiB", "1.0 MiB", "156.4 MiB", "16,777,215.9 TiB"]);
        assert_eq!([0, 999, 1000, 1_234_567].map(number), ["0", "999", "1,000", "1,234,567"]);
    }
}
