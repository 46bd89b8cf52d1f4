"""PPO for language models in the memory of one: policy, reference, reward and value model over one frozen base.

Read in this order: `rollouts` (answers are written), `rewards` (what they are worth), `advantages` (which tokens made
them better than foreseen), `experience` (all of this put together), `losses` (what moves the policy and the value
model), `updates` (they learn), `trainer` (a step, again and again). `roles` says which adapter stands for which model,
`engine.passes` how sequences go through them.
"""
