//! Operators that work element by element, and QUANTIZE and DEQUANTIZE.

use super::parts::{New, index};
use super::products::list;
use super::{Builder, Value, code};
use crate::Error;
use crate::graph::Activation;
use crate::tflite::{
    AddOptions, BuiltinOperator as B, DequantizeOptions, HardSwishOptions, MulOptions, Options, Quantization,
    QuantizeOptions, SoftmaxOptions, TensorType,
};

impl Builder {
    /// ADD, with broadcasting of sizes of 1.
    ///
    /// # Errors
    /// If the shapes do not fit together.
    pub fn add(&mut self, a: Value, b: Value, activation: Activation) -> Result<Value, Error> {
        let options = AddOptions { activation: code(activation), ..AddOptions::default() };
        self.binary(B::ADD, Options::Add(options), [a, b])
    }

    /// MUL, with broadcasting of sizes of 1.
    ///
    /// # Errors
    /// If the shapes do not fit together.
    pub fn mul(&mut self, a: Value, b: Value, activation: Activation) -> Result<Value, Error> {
        self.binary(B::MUL, Options::Mul(MulOptions { activation: code(activation) }), [a, b])
    }

    /// ADD of a constant whose `shape` fits the value's from the right.
    ///
    /// # Errors
    /// If the shapes do not fit together.
    pub fn add_constant(&mut self, a: Value, shape: &[usize], values: &[f32]) -> Result<Value, Error> {
        self.binary_constant((B::ADD, Options::Add(AddOptions::default())), a, (shape, values))
    }

    /// MUL by a constant whose `shape` fits the value's from the right.
    ///
    /// # Errors
    /// If the shapes do not fit together.
    pub fn mul_constant(&mut self, a: Value, shape: &[usize], values: &[f32]) -> Result<Value, Error> {
        self.binary_constant((B::MUL, Options::Mul(MulOptions::default())), a, (shape, values))
    }

    /// RELU.
    ///
    /// # Errors
    /// None that a value of this builder can cause; as for all methods, the limits of tensors.
    pub fn relu(&mut self, x: Value) -> Result<Value, Error> {
        self.unary(B::RELU, Options::None, x)
    }

    /// RELU6: clips to 0..=6.
    ///
    /// # Errors
    /// As [`Builder::relu`].
    pub fn relu6(&mut self, x: Value) -> Result<Value, Error> {
        self.unary(B::RELU6, Options::None, x)
    }

    /// HARD_SWISH: `x · relu6(x + 3) / 6`.
    ///
    /// # Errors
    /// As [`Builder::relu`].
    pub fn hard_swish(&mut self, x: Value) -> Result<Value, Error> {
        self.unary(B::HARD_SWISH, Options::HardSwish(HardSwishOptions {}), x)
    }

    /// LOGISTIC: `1 / (1 + exp(−x))`.
    ///
    /// # Errors
    /// As [`Builder::relu`].
    pub fn logistic(&mut self, x: Value) -> Result<Value, Error> {
        self.unary(B::LOGISTIC, Options::None, x)
    }

    /// TANH.
    ///
    /// # Errors
    /// As [`Builder::relu`].
    pub fn tanh(&mut self, x: Value) -> Result<Value, Error> {
        self.unary(B::TANH, Options::None, x)
    }

    /// SOFTMAX over the last dimension of `beta · x`.
    ///
    /// # Errors
    /// If `beta` is not finite and positive.
    pub fn softmax(&mut self, x: Value, beta: f32) -> Result<Value, Error> {
        if !(beta.is_finite() && beta > 0.0) {
            return Err(self.wrong(B::SOFTMAX, "beta", "a finite number above 0", beta));
        }
        self.unary(B::SOFTMAX, Options::Softmax(SoftmaxOptions { beta }), x)
    }

    /// QUANTIZE to 8-bit codes (`INT8` or `UINT8`): `real = scale · (code − zero_point)`.
    ///
    /// # Errors
    /// If the type is another, the scale is not finite and positive, or the zero point is no code.
    pub fn quantize(&mut self, x: Value, dtype: TensorType, scale: f32, zero_point: i64) -> Result<Value, Error> {
        let codes = match dtype {
            TensorType::INT8 => -128..=127,
            TensorType::UINT8 => 0..=255,
            other => return Err(self.wrong(B::QUANTIZE, "type", "INT8 or UINT8", other)),
        };
        if !(scale.is_finite() && scale > 0.0 && codes.contains(&zero_point)) {
            let expected = format!("a scale above 0 and a zero point of {codes:?}");
            return Err(self.wrong(B::QUANTIZE, "quantisation", expected, format!("{scale}, {zero_point}")));
        }
        let value = self.unary(B::QUANTIZE, Options::Quantize(QuantizeOptions {}), x)?;
        let quant = Quantization { scale: vec![scale], zero_point: vec![zero_point], ..Quantization::default() };
        self.quantise(value, dtype, quant);
        Ok(value)
    }

    /// DEQUANTIZE to float32.
    ///
    /// # Errors
    /// If the value is not quantised.
    pub fn dequantize(&mut self, x: Value) -> Result<Value, Error> {
        let dtype = self.tensors[x.0].dtype;
        if !matches!(dtype, TensorType::INT8 | TensorType::UINT8) {
            return Err(self.wrong(B::DEQUANTIZE, "type of the input", "INT8 or UINT8", dtype));
        }
        self.unary(B::DEQUANTIZE, Options::Dequantize(DequantizeOptions {}), x)
    }

    fn unary(&mut self, kind: B, options: Options, x: Value) -> Result<Value, Error> {
        let name = self.next_name(kind);
        let shape = self.shape(x);
        self.push(New { kind, options, name }, vec![index(x)], &shape)
    }

    fn binary(&mut self, kind: B, options: Options, [a, b]: [Value; 2]) -> Result<Value, Error> {
        let shape = self.broadcast(kind, &self.shape(a), &self.shape(b))?;
        let name = self.next_name(kind);
        self.push(New { kind, options, name }, vec![index(a), index(b)], &shape)
    }

    fn binary_constant(
        &mut self,
        (kind, options): (B, Options),
        a: Value,
        (shape, values): (&[usize], &[f32]),
    ) -> Result<Value, Error> {
        let expected: usize = shape.iter().product();
        if values.len() != expected {
            return Err(self.wrong(kind, "elements of the constant", expected, values.len()));
        }
        let out = self.broadcast(kind, &self.shape(a), shape)?;
        let name = self.next_name(kind);
        let constant = self.floats(format!("{name}/constant"), shape, values)?;
        self.push(New { kind, options, name }, vec![index(a), constant], &out)
    }

    /// The shape of the result of an operator with broadcasting.
    fn broadcast(&self, kind: B, a: &[usize], b: &[usize]) -> Result<Vec<usize>, Error> {
        let rank = a.len().max(b.len());
        let size = |shape: &[usize], i: usize| (i + shape.len()).checked_sub(rank).map_or(1, |i| shape[i]);
        let both = (0..rank).map(|i| match (size(a, i), size(b, i)) {
            (a, b) if a == b || b == 1 => Some(a),
            (1, b) => Some(b),
            _ => None,
        });
        both.collect::<Option<Vec<usize>>>()
            .ok_or_else(|| self.wrong(kind, "shapes", "equal sizes or 1", format!("{} and {}", list(a), list(b))))
    }
}
