"""RLOO and GRPO: several answers to each prompt, compared with each other, inside TRL's trainers for them.

`order` says which prompts a step answers, `scored` what its answers are worth, `trainer` is what both share, and
`method` makes one of either. Encoding, roles and reward sources are those of PPO.
"""
