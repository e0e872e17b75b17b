//! Figures made of error rates: corruption errors, calibration, differences between models, fronts. Pure functions of numbers.

pub mod alexnet;
pub mod bootstrap;
pub mod calibration;
pub mod ce;
pub mod criterion;
pub mod hypervolume;
pub mod paired;
pub mod pareto;
pub mod sequential;
