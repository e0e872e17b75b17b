//! Time of every operator.

use std::sync::Arc;
use std::time::{Duration, Instant};

use edgebench_models::{Error, Plan, Session};

use super::statistics::quantile;
use super::stopwatch;

/// Time and work of one operator of the graph.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NodeTime {
    /// Position in the graph's nodes.
    pub node: usize,
    /// Median time of its steps together, in milliseconds.
    pub ms: f64,
    /// Multiply-accumulates.
    pub macs: u64,
}

/// Runs the plan step by step for about `time`, at least five and at most `most` times. Operators that lowering has evaluated or merged into
/// others do not appear.
///
/// # Errors
/// If the plan cannot run on this CPU.
pub fn profile(plan: &Arc<Plan>, time: Duration, most: usize) -> Result<Vec<NodeTime>, Error> {
    let inputs = stopwatch::inputs(plan, 1);
    let mut session = Session::new(Arc::clone(plan))?;
    stopwatch::once(&mut session, &inputs)?;
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); plan.steps.len()];
    let begin = Instant::now();
    let mut rounds = 0;
    while rounds < 5 || (begin.elapsed() < time && rounds < most) {
        for (port, bytes) in inputs.iter().enumerate() {
            session.set_input(port, bytes)?;
        }
        for (step, all) in times.iter_mut().enumerate() {
            let start = Instant::now();
            session.run_step(step);
            all.push(start.elapsed().as_secs_f64() * 1e3);
        }
        rounds += 1;
    }
    let mut nodes: Vec<NodeTime> = Vec::new();
    for (origin, all) in plan.origins.iter().zip(&mut times) {
        all.sort_unstable_by(f64::total_cmp);
        let at = nodes.iter().position(|n| n.node == origin.node).unwrap_or_else(|| {
            nodes.push(NodeTime { node: origin.node, ..NodeTime::default() });
            nodes.len() - 1
        });
        nodes[at].ms += quantile(all, 0.5);
        nodes[at].macs += origin.macs;
    }
    Ok(nodes)
}
