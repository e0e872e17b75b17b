#!/usr/bin/env python3
"""Trains a network on CIFAR-10 with PyTorch, several seeds, by the recipe that edgebench's engine is compared with.

    python3 benches/training/equivalence.py --data DIR                     # ResNet-8, 10 epochs, seeds 1 to 3
    python3 benches/training/equivalence.py --data DIR --net mobilenetv2_035

DIR holds cifar-10-batches-bin. Recipe: inputs x / 127.5 - 1, He normal initial values, mirror and crop, batch 128, SGD with Nesterov
momentum 0.9, learning rate 0.1 after one epoch of linear warm-up, then a cosine to 0, weight decay 5e-4 on kernels only. The test set is
looked at once, after the last epoch. Each epoch ends with a checkpoint; a run that was stopped goes on from there.
"""

import argparse
import json
import math
import os
import statistics
import time

import torch_venv


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder of cifar-10-batches-bin")
    parser.add_argument("--net", default="resnet8", help="(default: %(default)s)")
    parser.add_argument("--seeds", default="1,2,3", help="(default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=10, help="(default: %(default)s)")
    parser.add_argument("--batch", type=int, default=128, help="(default: %(default)s)")
    parser.add_argument("--rate", type=float, default=0.1, help="largest learning rate (default: %(default)s)")
    parser.add_argument("--warmup", type=int, default=1, help="epochs (default: %(default)s)")
    parser.add_argument("--decay", type=float, default=5e-4, help="of the weights (default: %(default)s)")
    parser.add_argument("--smoothing", type=float, default=0.0, help="of the labels (default: %(default)s)")
    parser.add_argument("--init", default="he_normal", choices=["he_normal", "glorot_uniform"], help="(default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="(default: %(default)s)")
    parser.add_argument("--steps", type=int, help="steps of an epoch, to try it out (default: the whole set)")
    out = os.path.join(torch_venv.CACHE, "equivalence")
    parser.add_argument("--out", default=out, help="folder of checkpoints and results (default: %(default)s)")
    return parser.parse_args()


def learning_rate(step, per_epoch, args):
    """Of step `step`, counted from 0 over all epochs."""
    warmup, total = args.warmup * per_epoch, args.epochs * per_epoch
    if step < warmup:
        return args.rate * (step + 1) / warmup
    return args.rate * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup)))


def accuracy(net, images, labels):
    """In percent."""
    import torch

    from cifar import signed

    net.eval()
    with torch.no_grad():
        right = sum(
            int((net(signed(images[at : at + 500])).argmax(1).numpy() == labels[at : at + 500]).sum()) for at in range(0, len(images), 500)
        )
    net.train()
    return 100 * right / len(images)


class Run:
    """One seed: network, optimiser, the epochs that are done, and the file that keeps them."""

    def __init__(self, args, seed):
        import torch

        from nets import build

        self.args, self.seed, self.history = args, seed, []
        self.net = build(args.net).initialise(seed, args.init).to(memory_format=torch.channels_last)
        kernels, others = self.net.decayed()
        groups = [{"params": kernels, "weight_decay": args.decay}, {"params": others, "weight_decay": 0.0}]
        self.optimiser = torch.optim.SGD(groups, args.rate, momentum=0.9, nesterov=True)
        # Whatever changes the numbers is in the name: a checkpoint of another recipe is never taken up.
        recipe = {key: value for key, value in vars(args).items() if key not in ("data", "seeds", "out", "threads", "net")}
        short = "-".join(f"{key}{value}" for key, value in sorted(recipe.items()) if value is not None)
        self.path = os.path.join(args.out, f"{args.net}-seed{seed}-{short}.pt")
        if os.path.exists(self.path):
            state = torch.load(self.path, weights_only=True)
            self.net.load_state_dict(state["net"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.history = state["history"]

    def save(self):
        import torch

        os.makedirs(self.args.out, exist_ok=True)
        torch.save({"net": self.net.state_dict(), "optimiser": self.optimiser.state_dict(), "history": self.history}, self.path + ".part")
        os.replace(self.path + ".part", self.path)

    def epoch(self, train, validation):
        """One more epoch."""
        import torch.nn.functional as F

        from cifar import batches

        args, number, start, total, done = self.args, len(self.history), time.perf_counter(), 0.0, 0
        per_epoch = len(train[0]) // args.batch if args.steps is None else args.steps
        for step, (x, labels) in zip(range(per_epoch), batches(*train, args.batch, self.seed, number)):
            for group in self.optimiser.param_groups:
                group["lr"] = learning_rate(number * per_epoch + step, per_epoch, args)
            self.optimiser.zero_grad()
            loss = F.cross_entropy(self.net(x), labels, label_smoothing=args.smoothing)
            loss.backward()
            self.optimiser.step()
            total, done = total + loss.item(), done + 1
        seconds = time.perf_counter() - start
        if not math.isfinite(total):
            raise SystemExit(f"seed {self.seed}, epoch {number + 1}: the loss is {total}")
        self.history.append({
            "epoch": number + 1, "loss": total / done, "validation_accuracy": accuracy(self.net, *validation), "seconds": seconds,
            "images_per_second": done * args.batch / seconds,
        })
        self.save()
        last = self.history[-1]
        print(
            f"seed {self.seed} epoch {number + 1}/{args.epochs}: loss {last['loss']:.4f}, validation {last['validation_accuracy']:.2f} %, "
            f"{last['images_per_second']:.0f} images/s", flush=True,
        )


def main():
    args = options()
    torch_venv.enter()
    os.environ.setdefault("OMP_NUM_THREADS", str(args.threads))
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # threads that spin for long halve the speed of a machine that has other work
    import torch

    from cifar import splits

    torch.set_num_threads(args.threads)
    train, validation, test = splits(args.data)
    results = []
    for seed in (int(seed) for seed in args.seeds.split(",")):
        run = Run(args, seed)
        while len(run.history) < args.epochs:
            run.epoch(train, validation)
        results.append({"seed": seed, "test_accuracy": accuracy(run.net, *test), "history": run.history})
        print(f"{args.net} seed {seed}: {results[-1]['test_accuracy']:.2f} % of the test set", flush=True)
    found = [result["test_accuracy"] for result in results]
    spread = f", standard deviation {statistics.stdev(found):.2f}" if len(found) > 1 else ""
    print(f"{args.net}: mean {statistics.mean(found):.2f} %{spread}")
    recipe = {key: value for key, value in vars(args).items() if key not in ("data", "out")}
    report = {
        "schema": "edgebench.equivalence/1", "machine": torch_venv.facts(), "recipe": recipe,
        "mean_test_accuracy": statistics.mean(found), "seeds": results,
    }
    with open(os.path.join(args.out, f"{args.net}.json"), "w") as file:
        json.dump(report, file, indent=1)


if __name__ == "__main__":
    main()
