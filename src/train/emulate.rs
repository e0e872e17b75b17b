//! The study's technique 10, cause by cause: what its evaluation did with inputs, and accuracy with and without each cause.

use edgebench_models::graph::{DType, Quant};
use edgebench_models::{Image, LowerOptions};
use edgebench_train::Images;
use edgebench_train::paper::{Causes, Emulated};
use serde::Serialize;

use super::Error;
use crate::eval::accuracy::answer;
use crate::eval::pool::Pool;
use crate::model::ModelFile;

/// How real inputs become codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// Rounded, and held within the codes.
    Rounded,
    /// As the study's evaluation: cut off, and what is beyond the codes wraps (SPEC A.7).
    Wrapped,
}

impl Feed {
    /// The byte of `x` (of a uint8 input).
    #[must_use]
    pub fn byte(self, x: f32, scale: f32, zero_point: i64) -> u8 {
        let exact = f64::from(x) / f64::from(scale) + zero_point as f64;
        match self {
            Feed::Rounded => ((x * (1.0 / scale)).round_ties_even() + zero_point as f32).clamp(0.0, 255.0) as u8,
            // Beyond a byte the conversion keeps the low bits.
            Feed::Wrapped => (exact.trunc() as i64).rem_euclid(256) as u8,
        }
    }
}

/// Accuracy with these causes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CauseRow {
    /// Inputs are cut off and wrap.
    pub wrapped_input: bool,
    /// The input has the range that its moving average reached from ±6.
    pub averaged_range: bool,
    /// Batch normalisation is not folded.
    pub unfolded_batch_norm: bool,
    /// Share of images whose class was found.
    pub top1: f64,
    /// Share of input values beyond the codes.
    pub outside: f64,
}

/// All eight ways, from none to all causes.
///
/// # Errors
/// A network that cannot be written or run.
pub fn rows(emulated: &Emulated, samples: &[Vec<f32>], test: &Images, threads: usize) -> Result<Vec<CauseRow>, Error> {
    let mut rows = Vec::new();
    for (input_range, batch_norm) in [(false, false), (true, false), (false, true), (true, true)] {
        let model = emulated.int8(Causes { input_range, batch_norm }, samples)?;
        let bytes = model.write()?;
        let file = ModelFile { path: None, file: "technique 10".into(), bytes: bytes.into() };
        for feed in [Feed::Rounded, Feed::Wrapped] {
            let (top1, outside) = measure(&file, test, feed, threads)?;
            rows.push(CauseRow {
                wrapped_input: feed == Feed::Wrapped,
                averaged_range: input_range,
                unfolded_batch_norm: batch_norm,
                top1,
                outside,
            });
        }
    }
    rows.sort_by_key(|row| {
        u8::from(row.wrapped_input) + u8::from(row.averaged_range) + u8::from(row.unfolded_batch_norm)
    });
    Ok(rows)
}

/// Accuracy, and the share of input values beyond the codes.
fn measure(file: &ModelFile, test: &Images, feed: Feed, threads: usize) -> Result<(f64, f64), Error> {
    let plan = file.plan(&LowerOptions::default())?;
    let port = &plan.inputs[0];
    let quant: Option<&Quant> = port.quant.as_ref();
    let (Some(quant), DType::U8) = (quant, port.dtype) else {
        return Err(Error::Other(format!("the input is {}, expected uint8 with a scale", port.dtype)));
    };
    let (scale, zero_point) = (quant.scale[0], quant.zero_point[0]);
    let dtype = plan.outputs[0].dtype;
    let len = test.shape().len();
    let set = |image: &mut Image<'_>, at: usize| -> Result<usize, Error> {
        let mut input = vec![0.0; len];
        test.encode(at, &mut input);
        let codes: Vec<u8> = input.iter().map(|&x| feed.byte(x, scale, zero_point)).collect();
        let beyond = |x: &&f32| !(-0.5..255.5).contains(&(f64::from(**x) / f64::from(scale) + zero_point as f64));
        let outside = input.iter().filter(beyond).count();
        image.set_input(0, &codes)?;
        Ok(outside)
    };
    let get = |image: &mut Image<'_>, at: usize, outside: usize| {
        let label = test.label(at) as usize;
        let answer =
            answer(dtype, &image.output(0), label).map_err(|name| Error::Other(format!("scores of type {name}")))?;
        Ok((answer.best == label, outside))
    };
    let found = Pool { threads, share: 16 }.run(&plan, test.len(), set, get)?;
    let right = found.iter().filter(|(right, _)| *right).count();
    let outside: usize = found.iter().map(|(_, outside)| outside).sum();
    Ok((right as f64 / found.len() as f64, outside as f64 / (found.len() * len) as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_wraps_or_stays_at_the_end() {
        let bytes = |feed: Feed| [-1.4f32, -1.0, 0.74, 1.0, 300.0].map(|x| feed.byte(x, 0.5, 2));
        assert_eq!(bytes(Feed::Rounded), [0, 0, 3, 4, 255]);
        assert_eq!(bytes(Feed::Wrapped), [0, 0, 3, 4, 90]);
        assert_eq!(Feed::Wrapped.byte(-2.0, 0.5, 2), 254);
    }
}
