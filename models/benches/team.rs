//! What a turn of a team costs: members told, work begun on each, all back; and the same by barriers of the standard library,
//! which put threads to sleep at once. Quantiles, because other programs take their share of the machine.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Instant;

use edgebench_models::Team;

fn main() {
    let cpus = thread::available_parallelism().map_or(1, Into::into);
    for threads in [2, 4].into_iter().filter(|&threads| threads <= cpus) {
        turns(threads);
        barriers(threads);
    }
}

/// Times `turn` many times, some together so that the clock does not count.
fn report(what: &str, mut turn: impl FnMut()) {
    const TOGETHER: u32 = 16;
    let mut times: Vec<f64> = (0..5000)
        .map(|_| {
            let begin = Instant::now();
            (0..TOGETHER).for_each(|_| turn());
            begin.elapsed().as_secs_f64() * 1e6 / f64::from(TOGETHER)
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[(share * (times.len() - 1) as f64) as usize];
    println!("{what:24} p10 {:8.3} µs, median {:8.3} µs, p90 {:8.3} µs", at(0.1), at(0.5), at(0.9));
}

/// Turns that are over only when every thread has taken one of as many tasks.
fn turns(threads: usize) {
    let tasks = Arc::new(AtomicUsize::new(0));
    let theirs = Arc::clone(&tasks);
    let mut team = Team::new(threads, move |_| {
        theirs.fetch_sub(1, Ordering::AcqRel);
        let mut looks = 0;
        while theirs.load(Ordering::Acquire) != 0 {
            looks += 1;
            if looks % 4096 == 0 { thread::yield_now() } else { spin_loop() }
        }
    });
    report(&format!("team of {threads}, awake"), || {
        tasks.store(threads, Ordering::Relaxed);
        team.run();
    });
}

fn barriers(threads: usize) {
    let (gate, stop) = (Arc::new(Barrier::new(threads)), Arc::new(AtomicUsize::new(0)));
    let other = || {
        let (gate, stop) = (Arc::clone(&gate), Arc::clone(&stop));
        thread::spawn(move || {
            while stop.load(Ordering::Acquire) == 0 {
                gate.wait();
                gate.wait();
            }
        })
    };
    let others: Vec<_> = (1..threads).map(|_| other()).collect();
    report(&format!("two barriers of {threads}"), || {
        gate.wait();
        gate.wait();
    });
    gate.wait();
    stop.store(1, Ordering::Release);
    gate.wait();
    others.into_iter().for_each(|other| other.join().expect("nothing panics"));
}
