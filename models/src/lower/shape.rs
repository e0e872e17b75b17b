//! Operators that only rename memory.

use crate::error::Error;
use crate::lower::Cx;

/// RESHAPE, SQUEEZE, EXPAND_DIMS, DENSIFY: the output is the input's memory.
pub(crate) fn alias(cx: &mut Cx<'_>) -> Result<(), Error> {
    if cx.tensor(0)?.dtype != cx.out(0)?.dtype {
        return Err(cx.inconsistent("output type", cx.tensor(0)?.dtype, cx.out(0)?.dtype));
    }
    cx.alias(0, 0)
}
