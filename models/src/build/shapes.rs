//! Operators that move elements, and MEAN.

use super::parts::{New, index, sizes as check_sizes};
use super::products::list;
use super::{Builder, Value, code, int};
use crate::Error;
use crate::graph::Activation;
use crate::tflite::{
    BuiltinOperator as B, ConcatenationOptions, Options, PadOptions, ReducerOptions, ReshapeOptions,
    ResizeNearestNeighborOptions,
};

impl Builder {
    /// PAD with zeros: for each dimension, how many before and behind.
    ///
    /// # Errors
    /// If there is not one pair for each dimension, or the batch is padded.
    pub fn pad(&mut self, x: Value, paddings: &[[usize; 2]]) -> Result<Value, Error> {
        let shape = self.shape(x);
        if paddings.len() != shape.len() || paddings.first() != Some(&[0, 0]) {
            let expected = format!("{} pairs, the first [0, 0]", shape.len());
            return Err(self.wrong(B::PAD, "paddings", expected, format!("{paddings:?}")));
        }
        let padded = |(size, [a, b]): (&usize, &[usize; 2])| size.saturating_add(*a).saturating_add(*b);
        let out: Vec<usize> = shape.iter().zip(paddings).map(padded).collect();
        check_sizes("PAD", &out)?;
        let name = self.next_name(B::PAD);
        let values: Vec<i32> = paddings.as_flattened().iter().map(|&p| int(p)).collect();
        let constant = self.ints(format!("{name}/paddings"), &[shape.len(), 2], &values)?;
        let new = New { kind: B::PAD, options: Options::Pad(PadOptions {}), name };
        self.push(new, vec![index(x), constant], &out)
    }

    /// MEAN over dimensions, given from the left without the batch.
    ///
    /// # Errors
    /// If there is none, the batch is among them, or one is named twice or beyond the shape.
    pub fn mean(&mut self, x: Value, axes: &[usize], keep_dims: bool) -> Result<Value, Error> {
        let shape = self.shape(x);
        let mut sorted = axes.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        if axes.is_empty() || sorted.len() != axes.len() || sorted[0] == 0 || sorted[sorted.len() - 1] >= shape.len() {
            let expected = format!("different ones of 1 to {}", shape.len() - 1);
            return Err(self.wrong(B::MEAN, "axes", expected, list(axes)));
        }
        let of = |(i, &size): (usize, &usize)| match (axes.contains(&i), keep_dims) {
            (false, _) => Some(size),
            (true, true) => Some(1),
            (true, false) => None,
        };
        let out: Vec<usize> = shape.iter().enumerate().filter_map(of).collect();
        let name = self.next_name(B::MEAN);
        let values: Vec<i32> = axes.iter().map(|&a| int(a)).collect();
        let constant = self.ints(format!("{name}/axes"), &[axes.len()], &values)?;
        let new = New { kind: B::MEAN, options: Options::Reducer(ReducerOptions { keep_dims }), name };
        self.push(new, vec![index(x), constant], &out)
    }

    /// RESHAPE of each sample to `sizes`; the batch stays in front of them.
    ///
    /// # Errors
    /// If the number of elements changes.
    pub fn reshape(&mut self, x: Value, sizes: &[usize]) -> Result<Value, Error> {
        let shape = self.shape(x);
        let elements = sizes.iter().try_fold(1_usize, |n, &d| n.checked_mul(d));
        if elements != Some(shape[1..].iter().product()) {
            let expected = format!("as many elements as {:?}", &shape[1..]);
            return Err(self.wrong(B::RESHAPE, "sizes of a sample", expected, list(sizes)));
        }
        let out: Vec<usize> = [shape[0]].into_iter().chain(sizes.iter().copied()).collect();
        let new_shape: Vec<i32> = [-1].into_iter().chain(sizes.iter().map(|&d| int(d))).collect();
        let name = self.next_name(B::RESHAPE);
        let constant = self.ints(format!("{name}/shape"), &[new_shape.len()], &new_shape)?;
        let new = New { kind: B::RESHAPE, options: Options::Reshape(ReshapeOptions { new_shape }), name };
        self.push(new, vec![index(x), constant], &out)
    }

    /// RESIZE_NEAREST_NEIGHBOR of an image to `[height, width]`, centres of pixels at halves as Keras exports it.
    ///
    /// # Errors
    /// If the input is no image, or a size is 0.
    pub fn resize_nearest_neighbor(&mut self, x: Value, size: [usize; 2]) -> Result<Value, Error> {
        let [n, _, _, c] = self.image(B::RESIZE_NEAREST_NEIGHBOR, x)?;
        check_sizes("RESIZE_NEAREST_NEIGHBOR", &[n, size[0], size[1], c])?;
        let name = self.next_name(B::RESIZE_NEAREST_NEIGHBOR);
        let constant = self.ints(format!("{name}/size"), &[2], &size.map(int))?;
        let options = ResizeNearestNeighborOptions { align_corners: false, half_pixel_centers: true };
        let options = Options::ResizeNearestNeighbor(options);
        let new = New { kind: B::RESIZE_NEAREST_NEIGHBOR, options, name };
        self.push(new, vec![index(x), constant], &[n, size[0], size[1], c])
    }

    /// CONCATENATION along a dimension behind the batch.
    ///
    /// # Errors
    /// If there is nothing to join, or shapes differ along another dimension.
    pub fn concatenation(&mut self, parts: &[Value], axis: usize, activation: Activation) -> Result<Value, Error> {
        let shapes: Vec<Vec<usize>> = parts.iter().map(|&part| self.shape(part)).collect();
        let fits = |shape: &Vec<usize>| {
            let first = &shapes[0];
            shape.len() == first.len() && (0..shape.len()).all(|i| i == axis || shape[i] == first[i])
        };
        if shapes.is_empty() || axis == 0 || axis >= shapes[0].len() || !shapes.iter().all(fits) {
            let expected = format!("equal sizes but for dimension {axis}, which is not the batch");
            return Err(self.wrong(B::CONCATENATION, "shapes", expected, format!("{shapes:?}")));
        }
        let mut out = shapes[0].clone();
        out[axis] = shapes.iter().fold(0, |n, shape| n.saturating_add(shape[axis]));
        check_sizes("CONCATENATION", &out)?;
        let name = self.next_name(B::CONCATENATION);
        let options = ConcatenationOptions { axis: int(axis), activation: code(activation) };
        let new = New { kind: B::CONCATENATION, options: Options::Concatenation(options), name };
        self.push(new, parts.iter().map(|&part| index(part)).collect(), &out)
    }
}
