//! A share of the work, told by the user or by the scheduler that started this process.

use std::str::FromStr;

/// Part `index` of `count`: of a list of pieces of work, every `count`-th.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 0.
    pub index: u64,
    /// At least 1.
    pub count: u64,
}

/// What `--shard` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShardChoice {
    /// Ask the environment.
    Auto,
    /// This part.
    Given(Shard),
}

/// Why the environment does not tell a share.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    /// No variable of a known scheduler.
    #[error(
        "--shard auto: found no SLURM_ARRAY_TASK_ID (Slurm array), JOB_COMPLETION_INDEX (Kubernetes Indexed Job) or \
         CI_NODE_INDEX (GitLab and others); give --shard i/n"
    )]
    Nothing,
    /// A variable that belongs to it is missing.
    #[error("--shard auto: {found} is set, but {missing} is not; {advice}")]
    Missing {
        /// What is set.
        found: &'static str,
        /// What is not.
        missing: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// A value that is no number, or out of range.
    #[error("--shard auto: {0}")]
    Value(String),
}

impl Shard {
    /// The whole.
    pub const ALL: Self = Self { index: 0, count: 1 };

    /// Whether piece `at` of the work belongs to it.
    #[must_use]
    pub fn takes(self, at: usize) -> bool {
        at as u64 % self.count == self.index
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.count)
    }
}

impl FromStr for ShardChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let numbers = text.split_once('/').and_then(|(i, n)| Some((i.parse::<u64>().ok()?, n.parse::<u64>().ok()?)));
        match numbers {
            Some((i, n)) if (1..=n).contains(&i) => Ok(Self::Given(Shard { index: i - 1, count: n })),
            _ => Err(format!("{text:?} is no share, expected i/n with i from 1 to n, as 3/7, or auto")),
        }
    }
}

impl ShardChoice {
    /// The share; `variable` gives the value of an environment variable.
    ///
    /// # Errors
    /// An environment that does not tell.
    pub fn resolve(self, variable: impl Fn(&str) -> Option<String>) -> Result<Shard, ShardError> {
        match self {
            Self::Given(shard) => Ok(shard),
            Self::Auto => auto(&|name| variable(name).filter(|value| !value.is_empty())),
        }
    }
}

type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

fn auto(variable: Variables<'_>) -> Result<Shard, ShardError> {
    if variable("SLURM_ARRAY_TASK_ID").is_some() {
        return slurm(variable);
    }
    // Index variable, its first value, variable of the count, what to do without it.
    let known = [
        (
            "JOB_COMPLETION_INDEX",
            0,
            "JOB_COMPLETIONS",
            "Kubernetes does not tell it: set it to the Job's completions in the container's env",
        ),
        ("CI_NODE_INDEX", 1, "CI_NODE_TOTAL", "set it to the number of parallel jobs"),
        ("CIRCLE_NODE_INDEX", 0, "CIRCLE_NODE_TOTAL", "set it to the number of parallel containers"),
        ("BUILDKITE_PARALLEL_JOB", 0, "BUILDKITE_PARALLEL_JOB_COUNT", "set it to the number of parallel jobs"),
    ];
    let Some(&(name, base, total, advice)) = known.iter().find(|known| variable(known.0).is_some()) else {
        return Err(ShardError::Nothing);
    };
    let count = number(variable, total)?.ok_or(ShardError::Missing { found: name, missing: total, advice })?;
    let index = number(variable, name)?.unwrap_or(base);
    if !(base..base + count).contains(&index) {
        let last = (base + count).saturating_sub(1);
        return Err(ShardError::Value(format!(
            "{name} is {index}, expected {base} to {last} ({total} is {count}); give --shard i/n"
        )));
    }
    Ok(Shard { index: index - base, count })
}

/// A job array may begin anywhere and have a step; holes cannot be told from the variables, but for the last task.
fn slurm(variable: Variables<'_>) -> Result<Shard, ShardError> {
    let need = |missing: &'static str| {
        let advice = "start the tasks with sbatch --array, or give --shard i/n";
        number(variable, missing)?.ok_or(ShardError::Missing { found: "SLURM_ARRAY_TASK_ID", missing, advice })
    };
    let (id, min, count) =
        (need("SLURM_ARRAY_TASK_ID")?, need("SLURM_ARRAY_TASK_MIN")?, need("SLURM_ARRAY_TASK_COUNT")?);
    let step = number(variable, "SLURM_ARRAY_TASK_STEP")?.unwrap_or(1).max(1);
    let max = number(variable, "SLURM_ARRAY_TASK_MAX")?.unwrap_or(min.saturating_add(step * count.saturating_sub(1)));
    let regular = count > 0 && max.checked_sub(min) == (count - 1).checked_mul(step);
    let offset = id.checked_sub(min).filter(|offset| offset % step == 0 && offset / step < count);
    match offset {
        Some(offset) if regular => Ok(Shard { index: offset / step, count }),
        _ => Err(ShardError::Value(format!(
            "task {id} of an array of {count} from {min} to {max} in steps of {step}: the array has holes; \
             use --array=1-N or give --shard i/n"
        ))),
    }
}

fn number(variable: Variables<'_>, name: &'static str) -> Result<Option<u64>, ShardError> {
    let Some(text) = variable(name) else { return Ok(None) };
    let value = text.trim().parse::<u64>().ok().filter(|&n| n <= u64::from(u32::MAX));
    value.map(Some).ok_or_else(|| ShardError::Value(format!("{name} is {text:?}, expected a whole number")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auto_of(variables: &[(&str, &str)]) -> Result<String, ShardError> {
        let variable = |name: &str| variables.iter().find(|v| v.0 == name).map(|v| v.1.to_owned());
        ShardChoice::Auto.resolve(variable).map(|shard| shard.to_string())
    }

    #[test]
    fn shares_are_counted_from_one() {
        assert_eq!("3/7".parse(), Ok(ShardChoice::Given(Shard { index: 2, count: 7 })));
        assert!(["0/7", "8/7", "1", "a/b", "-1/2"].iter().all(|text| text.parse::<ShardChoice>().is_err()));
        let taken: Vec<usize> =
            (0..3).flat_map(|index| (0..10).filter(move |&at| Shard { index, count: 3 }.takes(at))).collect();
        assert_eq!(taken, [0, 3, 6, 9, 1, 4, 7, 2, 5, 8]);
    }

    #[test]
    fn schedulers_are_asked() {
        let slurm = |id| {
            [
                ("SLURM_ARRAY_TASK_ID", id),
                ("SLURM_ARRAY_TASK_MIN", "5"),
                ("SLURM_ARRAY_TASK_COUNT", "3"),
                ("SLURM_ARRAY_TASK_STEP", "2"),
                ("SLURM_ARRAY_TASK_MAX", "9"),
            ]
        };
        assert_eq!(auto_of(&slurm("5")).as_deref(), Ok("1/3"));
        assert_eq!(auto_of(&slurm("9")).as_deref(), Ok("3/3"));
        assert!(auto_of(&slurm("6")).is_err());
        assert_eq!(auto_of(&[("JOB_COMPLETION_INDEX", "0"), ("JOB_COMPLETIONS", "7")]).as_deref(), Ok("1/7"));
        assert_eq!(auto_of(&[("CI_NODE_INDEX", "7"), ("CI_NODE_TOTAL", "7")]).as_deref(), Ok("7/7"));
        assert_eq!(auto_of(&[("CIRCLE_NODE_INDEX", "1"), ("CIRCLE_NODE_TOTAL", "2")]).as_deref(), Ok("2/2"));
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(auto_of(&[]), Err(ShardError::Nothing));
        assert_eq!(auto_of(&[("CI_NODE_INDEX", "")]), Err(ShardError::Nothing));
        let message = |variables: &[(&str, &str)]| auto_of(variables).expect_err("a bad environment").to_string();
        assert!(message(&[("JOB_COMPLETION_INDEX", "0")]).contains("JOB_COMPLETIONS is not"));
        assert!(message(&[("CI_NODE_INDEX", "0"), ("CI_NODE_TOTAL", "3")]).contains("expected 1 to 3"));
        assert!(message(&[("CI_NODE_INDEX", "x"), ("CI_NODE_TOTAL", "3")]).contains("whole number"));
        let holes = [
            ("SLURM_ARRAY_TASK_ID", "1"),
            ("SLURM_ARRAY_TASK_MIN", "1"),
            ("SLURM_ARRAY_TASK_COUNT", "3"),
            ("SLURM_ARRAY_TASK_MAX", "7"),
        ];
        assert!(message(&holes).contains("holes"));
    }
}
