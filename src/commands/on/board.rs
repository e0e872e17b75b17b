//! Firmware on a board: builds it, asks it, and makes of its answers what other machines send.

use anyhow::Result;
use edgebench_kernels::digest::digest;
use edgebench_models::{Arithmetic, Plan};

use crate::cli::remote::ThereArgs;
use crate::commands::talk::Talk;
use crate::firmware::program::Recipe;
use crate::firmware::{Board, Device, Program, Use};
use crate::model::ModelFile;
use crate::parity::live::layers_of;
use crate::parity::side::Inputs;
use crate::parity::trace::{FORMAT, Hex, Trace, TraceSample};

/// The program for `model` on a board; `workspace`: see [`Recipe`].
pub(super) fn program(board: &Board, arithmetic: Arithmetic, model: &ModelFile, workspace: usize) -> Result<Program> {
    let recipe = Recipe { board, arithmetic, workspace };
    Ok(Program::build(recipe, &model.graph()?, (&model.name(), &model.sha256()))?)
}

/// Says what a program used.
pub(super) fn tell(board: &Board, used: &Use, talk: Talk) {
    let Use { stack, stack_size, arena, code, flash, .. } = used;
    talk.note(&format!(
        "{}: flash {flash} bytes ({code} of code), RAM {} bytes ({arena} of arena, {stack} of {stack_size} bytes of stack)",
        board.name,
        used.ram()
    ));
}

/// Inputs of all samples, and what they are in words.
type Samples = (Vec<Inputs>, String);

/// What the model computes on a board, as a trace.
pub(in crate::commands) fn board_trace(
    (name, arithmetic): (&str, Arithmetic),
    model: &ModelFile,
    there: &ThereArgs,
    inputs: &dyn Fn(&Plan) -> Result<Samples>,
    talk: Talk,
) -> Result<Trace> {
    let board = Board::open(name)?;
    let program = program(&board, arithmetic, model, 0)?;
    let (samples, words) = inputs(&program.plan)?;
    let mut device = Device::new(&program, there.manner().patience, true);
    samples.iter().for_each(|inputs| device.inputs(inputs));
    let bar = talk.progress(samples.len(), &board.name);
    let (answers, used) = device.run(&mut |n| bar.advance_by(n))?;
    bar.finish();
    tell(&board, &used, talk);
    let samples = samples.iter().zip(answers).map(|(inputs, answer)| TraceSample {
        inputs: inputs.iter().map(|bytes| Hex(digest(bytes))).collect(),
        digests: answer.digests.into_iter().map(|digest| digest.map(Hex)).collect(),
        values: None,
    });
    Ok(Trace {
        schema: FORMAT.into(),
        target: format!("qemu:{name},isa:{},mode:{arithmetic}", board.core.isa()),
        file: model.file.clone(),
        sha256: model.sha256(),
        inputs: words,
        layers: layers_of(&model.graph()?),
        samples: samples.collect(),
    })
}
