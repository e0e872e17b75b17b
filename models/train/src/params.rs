//! The numbers of a network.

use edgebench_corrupt::rng::Rng;

use crate::net::{Role, TensorInfo};
use crate::{Error, Net};

/// One `Vec` per tensor of a [`Net`], in the order of [`Net::tensors`].
#[derive(Clone, PartialEq)]
pub struct Params(Vec<Vec<f32>>);

impl std::fmt::Debug for Params {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Params").field("tensors", &self.0.len()).finish_non_exhaustive()
    }
}

/// How kernels begin. Biases and offsets begin at 0, factors and variances at 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Init {
    /// Normal with variance `2 / fan in` (He et al., 2015).
    #[default]
    HeNormal,
    /// Uniform in ±√(6 / (fan in + fan out)) (Glorot and Bengio, 2010), as Keras begins.
    GlorotUniform,
}

/// The purpose of the random numbers that kernels begin with.
const STREAM: u32 = 0x1417;

impl Params {
    /// Numbers to begin with. The same seed gives the same numbers, tensor by tensor.
    #[must_use]
    pub fn init(net: &Net, init: Init, seed: u64) -> Params {
        let begin = |(at, tensor): (usize, &TensorInfo)| match tensor.role {
            Role::Kernel | Role::DepthwiseKernel => kernel(tensor, init, &mut Rng::new(seed, at as u64, STREAM)),
            Role::Bias | Role::Beta | Role::Mean | Role::Range => vec![0.0; tensor.elements()],
            Role::Gamma | Role::Variance => vec![1.0; tensor.elements()],
        };
        Params(net.tensors().iter().enumerate().map(begin).collect())
    }

    /// Numbers from elsewhere.
    ///
    /// # Errors
    /// [`Error::Params`] if a tensor is missing, has another number of elements, or holds NaN or an infinity.
    pub fn new(net: &Net, values: Vec<Vec<f32>>) -> Result<Params, Error> {
        let tensors = net.tensors();
        if values.len() != tensors.len() {
            let tensor = tensors.get(values.len()).map_or("", |tensor| &tensor.name).to_owned();
            let problem = format!("{} tensors for a network of {}", values.len(), tensors.len());
            return Err(Error::Params { tensor, problem });
        }
        for (tensor, values) in tensors.iter().zip(&values) {
            let refuse = |problem| Err(Error::Params { tensor: tensor.name.clone(), problem });
            if values.len() != tensor.elements() {
                return refuse(format!("{} values for the shape {:?}", values.len(), tensor.shape));
            }
            if let Some(at) = values.iter().position(|value| !value.is_finite()) {
                return refuse(format!("value {at} is {}, expected finite numbers", values[at]));
            }
        }
        Ok(Params(values))
    }

    /// All tensors.
    #[must_use]
    pub fn tensors(&self) -> &[Vec<f32>] {
        &self.0
    }

    /// All tensors, to change their values (not their lengths).
    pub fn tensors_mut(&mut self) -> &mut [Vec<f32>] {
        &mut self.0
    }

    /// Tensor number `at` of the network.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn get(&self, at: usize) -> &[f32] {
        &self.0[at]
    }
}

fn kernel(tensor: &TensorInfo, init: Init, rng: &mut Rng) -> Vec<f32> {
    let taps: usize = match tensor.shape[..] {
        [_, h, w, _] => h * w,
        _ => 1,
    };
    // A channel of a depthwise kernel sees one input channel and is seen by one output.
    let (fan_in, fan_out) = match tensor.role {
        Role::DepthwiseKernel => (taps, taps),
        _ => (tensor.elements() / tensor.shape[0], tensor.shape[0] * taps),
    };
    match init {
        Init::HeNormal => {
            let deviation = (2.0 / fan_in as f64).sqrt();
            (0..tensor.elements()).map(|_| (rng.normal() * deviation) as f32).collect()
        }
        Init::GlorotUniform => {
            let limit = (6.0 / (fan_in + fan_out) as f64).sqrt();
            (0..tensor.elements()).map(|_| rng.uniform(-limit, limit) as f32).collect()
        }
    }
}
