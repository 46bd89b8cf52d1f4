"""Training without waste: no padding, logits only where they are trained, shared prompts once, memory kept for reuse.

The parts stand alone: `attention` (sequences laid end to end), `losses` (the output layer), `low_rank` (adapters),
`packing` (batches),
`forward` (both built into a model, after proof that it computes the same), `trainer` (into TRL's) and `allocator`.
Nothing is approximated. A model that the parts don't fit trains the ordinary way, and the reason is said.
"""
