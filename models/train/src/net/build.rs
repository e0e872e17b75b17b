//! Adding layers.

use super::shape::{shape_of, tensors_of};
use super::{Activation, Conv, Layer, LayerId, Net, Op, Pool, Shape, TensorInfo, Window};
use crate::Error;

/// More layers than any classifier has.
const MAX_LAYERS: usize = 1 << 16;

impl Net {
    /// Adds a layer over the values of `inputs` and gives its number.
    ///
    /// # Errors
    /// [`Error::Net`] if the name is taken, a value does not exist, or shapes do not fit.
    pub fn add(&mut self, name: impl Into<String>, op: Op, inputs: &[LayerId]) -> Result<LayerId, Error> {
        let name = name.into();
        let refuse = |problem: String| Error::Net { layer: name.clone(), problem };
        if self.layers.iter().any(|layer| layer.name == name) {
            return Err(refuse("the name is taken".into()));
        }
        if self.layers.len() == MAX_LAYERS {
            return Err(refuse(format!("more than {MAX_LAYERS} layers")));
        }
        if let Some(missing) = inputs.iter().find(|&&input| input >= self.layers.len()) {
            return Err(refuse(format!("there is no layer {missing} before it")));
        }
        let shapes: Vec<Shape> = inputs.iter().map(|&input| self.shapes[input]).collect();
        let shape = shape_of(&op, &shapes).map_err(refuse)?;
        let layer = self.layers.len();
        let start = self.tensors.len();
        for (role, shape) in tensors_of(&op, shapes[0]) {
            self.tensors.push(TensorInfo { name: format!("{name}.{}", role.suffix()), layer, role, shape });
        }
        self.ranges.push(start..self.tensors.len());
        self.shapes.push(shape);
        self.layers.push(Layer { name, op, inputs: inputs.to_vec() });
        Ok(layer)
    }

    /// A convolution without bias, batch normalisation, and an activation: layers `name/conv`, `name/norm` and `name/act`.
    ///
    /// # Errors
    /// As [`Net::add`].
    pub fn conv_norm(
        &mut self,
        name: &str,
        from: LayerId,
        conv: Conv,
        act: Option<Activation>,
    ) -> Result<LayerId, Error> {
        let x = self.add(format!("{name}/conv"), Op::Conv(Conv { bias: false, ..conv }), &[from])?;
        self.norm(name, x, act)
    }

    /// A depthwise convolution without bias, batch normalisation, and an activation.
    ///
    /// # Errors
    /// As [`Net::add`].
    pub fn depthwise_norm(
        &mut self,
        name: &str,
        from: LayerId,
        window: Window,
        act: Option<Activation>,
    ) -> Result<LayerId, Error> {
        let op = Op::Depthwise { multiplier: 1, window, bias: false };
        let x = self.add(format!("{name}/depthwise"), op, &[from])?;
        self.norm(name, x, act)
    }

    fn norm(&mut self, name: &str, from: LayerId, act: Option<Activation>) -> Result<LayerId, Error> {
        let x = self.add(format!("{name}/norm"), Op::BATCH_NORM, &[from])?;
        match act {
            Some(act) => self.add(format!("{name}/act"), Op::Act(act), &[x]),
            None => Ok(x),
        }
    }

    /// A dense layer with bias.
    ///
    /// # Errors
    /// As [`Net::add`].
    pub fn dense(&mut self, name: &str, from: LayerId, units: usize) -> Result<LayerId, Error> {
        self.add(name, Op::Dense { units, bias: true }, &[from])
    }

    /// A max pooling.
    ///
    /// # Errors
    /// As [`Net::add`].
    pub fn max_pool(&mut self, name: &str, from: LayerId, window: Window) -> Result<LayerId, Error> {
        self.add(name, Op::Pool(Pool::Max, window), &[from])
    }
}

impl Op {
    /// Batch normalisation as most small networks have it.
    pub const BATCH_NORM: Op = Op::BatchNorm { epsilon: 1e-3, momentum: 0.9 };
}

impl Conv {
    /// An ordinary convolution with bias.
    #[must_use]
    pub const fn new(out_c: usize, window: Window) -> Conv {
        Conv { out_c, window, groups: 1, bias: true }
    }
}
