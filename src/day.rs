//! Days of the calendar.

/// A day, in days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub i64);

impl Day {
    /// The day of a time in seconds since the epoch, in UTC.
    #[must_use]
    pub const fn of(seconds: i64) -> Self {
        Self(seconds.div_euclid(86_400))
    }

    /// `YYYY-MM-DD`, a day that exists (RFC 3339 §5.6, full-date).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let digits = |range: std::ops::Range<usize>| -> Option<i64> {
            let part = text.get(range)?;
            if part.bytes().all(|b| b.is_ascii_digit()) { part.parse().ok() } else { None }
        };
        if bytes.len() != 10 || bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
            return None;
        }
        let (year, month, day) = (digits(0..4)?, digits(5..7)?, digits(8..10)?);
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let last = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => return None,
        };
        if !(1..=last).contains(&day) {
            return None;
        }
        // Days since 0000-03-01, in years that begin in March: the leap day is the last one.
        let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let days = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        Some(Self(days + (153 * month + 2) / 5 + day - 1 - 719_468))
    }
}

/// As [`Day::parse`] reads it; the inverse of its sum.
impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Eras of 400 years that begin on 1 March, years in them, and days in those.
        let days = self.0 + 719_468;
        let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let march = (5 * of_year + 2) / 153;
        let (day, month) = (of_year - (153 * march + 2) / 5 + 1, if march < 10 { march + 3 } else { march - 9 });
        write!(f, "{:04}-{month:02}-{day:02}", year + era * 400 + i64::from(month <= 2))
    }
}

#[cfg(test)]
mod tests {
    use super::Day;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (text, day) in [
            ("1970-01-01", Some(0)),
            ("1969-12-31", Some(-1)),
            ("2000-02-29", Some(11016)),
            ("2000-03-01", Some(11017)),
            ("2027-01-15", Some(20833)),
            ("1900-02-29", None),
            ("2027-02-29", None),
            ("2027-13-01", None),
            ("2027-00-10", None),
            ("2027-1-1", None),
            ("+027-01-01", None),
            ("2027-01-01T", None),
            ("äöü-01-01", None),
        ] {
            assert_eq!(Day::parse(text), day.map(Day), "{text}");
            if let Some(day) = day {
                assert_eq!(Day(day).to_string(), text);
            }
        }
        assert_eq!(Day::of(1_800_000_000), Day(20833));
        assert_eq!(Day::of(-1), Day(-1));
        for day in -719_162..200_000 {
            assert_eq!(Day::parse(&Day(day).to_string()), Some(Day(day)));
        }
    }
}
