"""PPO for language models in the memory of one: policy, reference, reward and value model over one frozen base.

Read in this order: `rollouts` (answers are written), `rewards` (what they are worth), `advantages` (which tokens made
them better than foreseen), `experience` (all of this put together), `losses` (what moves the policy and the value
model), `updates` (they learn), `trainer` (a step, again and again). `roles` says which adapter stands for which model,
`engine.passes` how sequences go through them.

Where the time goes, on two processor cores with a base of 25 million parameters in bf16, 16 answers of 53 tokens to
prompts of 64, four passes over them (`tests.bench.ppo_speed` measures it): updates 63 %, of which matrix products
three fifths and attention about an eighth; writing 27 %; reward, reference and value model 3 % each. A value head on
the policy spares half of the updates and the value model's reading, so a step takes two thirds of the time.
"""
