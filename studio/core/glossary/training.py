"""What every method has, in plain words: how long, how fast, how much at a time, what is trained, what is kept."""

from __future__ import annotations

from collections.abc import Mapping

from studio.core.glossary.entry import Entry

TRAINING: Mapping[str, Entry] = {
    "epochs": Entry(
        "How often the run goes through all of the data. Each pass shuffles the rows anew.",
        "1 to 3 for fine-tuning on a few thousand examples (Stanford Alpaca took 3); 1 for preferences, reward models "
        "and plain text, which are learned by heart quickly (InstructGPT trained its reward model for 1, Ouyang et al. "
        "2022).",
        "When eval loss is still falling at the end of a run.",
        "When eval loss rises while loss goes on falling: the model is learning the rows by heart.",
    ),
    "learning_rate": Entry(
        "How far each step moves the weights along the gradient. The setting that decides most: too small and nothing "
        "is learned, too large and the loss jumps or becomes no number.",
        "0.0002 for LoRA fine-tuning of models up to 13 B (QLoRA, Dettmers et al. 2023); a tenth of that when all "
        "weights are trained; 0.0001 for reward models and 0.000005 to 0.00005 for DPO, KTO and PPO, with LoRA. "
        "Models far below a billion parameters bear ten times more.",
        "When loss falls very slowly and evenly. Three times more is a good next try.",
        "When loss jumps, rises or ends in “not a number”, or when the model writes nonsense afterwards. A third is a "
        "good next try.",
    ),
    "max_length": Entry(
        "The most tokens of a row that are read; what comes later is cut, or the row is left out where its end matters "
        "(reward models). Memory and time grow with it, but only rows that are so long need them.",
        "512 to 2,048 for instructions. Never more than the context that the model was made for, which the program "
        "keeps to by itself.",
        "When a run warns that many examples were cut.",
        "When memory is short: it is the first thing to give up, as long as few rows are cut.",
    ),
    "batch_size": Entry(
        "How many rows share one forward pass. Together with the passes per step it makes the effective batch, which "
        "is what the learning depends on; alone it decides only memory and speed.",
        "The largest that fits, up to 8 or 16. When memory runs out, a run halves it by itself and takes twice as many "
        "passes.",
        "When there is memory to spare and the card is not busy all the time.",
        "When memory runs out; double “Passes per step” to learn the same.",
    ),
    "accumulate": Entry(
        "How many passes are added up before the weights move once. Effective batch = rows at a time x passes per "
        "step; 1 x 8 learns the same as 8 x 1, slower and in less memory. (KTO compares rows within a pass, so there "
        "it is not quite the same.)",
        "An effective batch of 8 to 64 for fine-tuning and preferences (TRL's and QLoRA's examples take 16 to 64).",
        "When the loss is so noisy from step to step that the model seems to learn little.",
        "When there are so few rows that a pass over them makes only a handful of steps.",
    ),
    "max_steps": Entry(
        "Ends the run after so many steps even when the passes over the data aren't done. The schedule is stretched "
        "to this number, so the learning rate still comes down to its end.",
        "0, all passes. A number such as 50 is a quick trial of whether a recipe works at all.",
        "When a trial looks good and more of it is wanted; or set it to 0.",
        "For a quick trial.",
    ),
    "way": Entry(
        "Which numbers are trained. LoRA (Hu et al. 2021) adds small layers beside the frozen ones. QLoRA keeps the "
        "frozen ones in 4 or 8 bits. Full fine-tuning moves every weight and makes a model of its own.",
        "LoRA. QLoRA reaches nearly the same in far less memory (Dettmers et al. 2023); full fine-tuning learns more "
        "from much data and forgets more of what was there (Biderman et al. 2024, LoRA learns less and forgets less).",
        choose="LoRA first. 4 bits when the model doesn't fit otherwise. All weights for small models, or with much "
        "data of a new kind; then take a tenth of the learning rate.",
    ),
    "lora_rank": Entry(
        "The width of the small layers that are trained. More can hold more that is new, and needs more memory.",
        "8 to 64. With adapters on all linear layers the rank matters little (QLoRA, Dettmers et al. 2023, figure 4).",
        "When loss stays high after the learning rate was tried, or with much data of a new kind.",
        "When memory is short, or when the model learns a small dataset by heart.",
    ),
    "lora_alpha": Entry(
        "How strongly the adapter counts: what it computes is multiplied by alpha over rank.",
        "Twice the rank, or equal to it (Hu et al. 2021 fixed it and tuned the learning rate instead).",
        "Seldom; raising the learning rate does much the same.",
        "Seldom. When the rank is halved, halve it too, so that their ratio stays.",
    ),
    "lora_dropout": Entry(
        "The share of the adapter's inputs that is left out at random in each training pass, so that it can't rely on "
        "any one of them. It is off when the model is measured or used.",
        "0 to 0.1 (QLoRA took 0.1 up to 13 B and 0.05 above).",
        "When the model learns a small dataset by heart.",
        "When eval loss doesn't rise: 0 learns fastest.",
    ),
    "lora_targets": Entry(
        "Which layers get an adapter. The names differ by architecture; the program finds them.",
        "All linear layers: needed to come up to full fine-tuning (Dettmers et al. 2023, section 4).",
        choose="All linear layers, unless memory is very short or a recipe from elsewhere names others.",
    ),
    "lora_names": Entry(
        "The ends of the names of the layers that get an adapter, such as q_proj, v_proj. What doesn't exist in the "
        "model is said before the run begins.",
        "q_proj, v_proj is what the first LoRA paper took (Hu et al. 2021).",
        choose="Only to repeat a recipe from elsewhere.",
    ),
    "rslora": Entry(
        "Divides alpha by the root of the rank instead of the rank, so that adapters of a large rank don't learn too "
        "slowly (Kalajdzievski 2023).",
        "Off up to a rank of about 32.",
        choose="On from a rank of 64; alpha then counts for more, so begin with alpha equal to the rank or less.",
    ),
    "dora": Entry(
        "Learns how large each column of weights is apart from where it points (Liu et al. 2024), which comes closer "
        "to full fine-tuning at small ranks.",
        "Off. A step takes noticeably longer with it.",
        choose="On with ranks of 4 to 16 when LoRA alone stays short of what is wanted.",
    ),
    "start": Entry(
        "What becomes of an adapter that the run starts from: it is trained further as a copy, or computed into the "
        "base model first, with a fresh adapter on top.",
        "Trained further. For DPO after SFT either works; merged, the reference is the merged model.",
        choose="Merged when the new adapter should have another rank, or when all weights are to be trained.",
    ),
    "optimiser": Entry(
        "Turns gradients into steps. AdamW (Loshchilov and Hutter 2019) keeps two running means for each trained "
        "weight; the 8-bit kinds keep them in a quarter of the memory (Dettmers et al. 2022), paged ones in the "
        "computer's memory when the card's is full.",
        "AdamW with adapters, since they are small. 8-bit AdamW for full fine-tuning.",
        choose="AdamW unless the optimiser is a large part of the forecast.",
    ),
    "schedule": Entry(
        "How the learning rate goes on after the warm-up: down to zero along a cosine or a straight line, or not at "
        "all.",
        "Cosine (Loshchilov and Hutter 2017) for fine-tuning, a straight line for PPO (Huang et al. 2024).",
        choose="Cosine or straight for a run that is meant to end; constant for one that is to be gone on with.",
    ),
    "warmup": Entry(
        "The share of the steps in which the learning rate rises from zero, so that the first large gradients don't "
        "throw the model off while the optimiser knows nothing yet.",
        "0.03 (Stanford Alpaca, QLoRA) to 0.1.",
        "When the loss jumps in the first steps.",
        "With very few steps; 0 is fine for LoRA at small learning rates.",
    ),
    "weight_decay": Entry(
        "Pulls every trained weight a little towards zero at each step, apart from the gradient (AdamW).",
        "0 with LoRA; 0.01 to 0.1 when all weights are trained (GPT-3 took 0.1, Brown et al. 2020).",
        "When all weights are trained and eval loss rises early.",
        "When loss hardly falls.",
    ),
    "clip": Entry(
        "A gradient longer than this is shortened to it, so that one strange batch can't move the model far (Pascanu "
        "et al. 2013).",
        "1.0; QLoRA took 0.3.",
        "Seldom: when the gradient norm is above it all the time and learning is slow.",
        "When the loss shows spikes.",
    ),
    "batch_tokens": Entry(
        "A pass takes as many rows of similar length as fit into so many tokens, instead of a fixed number of rows, so "
        "that short rows are read many at a time.",
        "0, off; or 2,000 to 16,000 tokens, as memory allows.",
        "When there is memory to spare.",
        "When memory runs out.",
    ),
    "neftune": Entry(
        "Adds noise to the words' embeddings in training passes, scaled by this over the root of length times width "
        "(Jain et al. 2023), so that answers are learned less word by word.",
        "0, off; 5 to 15 in the paper.",
        "When a small dataset of instructions is learned by heart.",
        "When loss falls too slowly.",
    ),
    "held_out": Entry(
        "The share of the rows that are never trained on. Eval loss, accuracy and the samples come from them, so they "
        "tell what was learned and not what was learned by heart. Which rows is decided by the seed.",
        "0.05 to 0.1; a few hundred rows are enough for a steady figure.",
        "When the figures jump about because so few rows stand behind them.",
        "When there are few rows and each is needed; 0 measures nothing.",
    ),
    "evaluations": Entry(
        "How often the held-out rows are measured over the whole run, spread evenly, the last step included.",
        "5 to 20. Each takes about as long as a third of a training pass over the held-out rows.",
        "To see more exactly when eval loss turns.",
        "When measuring takes a noticeable share of the time.",
    ),
    "keep": Entry(
        "Which step's weights become the result: those of the last step, or those that were best on held-out rows.",
        "Best where many passes are made; last where the run is short.",
        choose="Best when eval loss may turn upwards before the end.",
    ),
    "patience": Entry(
        "Ends the run early when so many evaluations in a row were no better than the best one before them (Prechelt "
        "1998, Early stopping - but when?).",
        "0, never; or 3 to 5 together with keeping the best.",
        "When a run ends while eval loss was only wavering.",
        "To save time once the model no longer improves.",
    ),
    "checkpoint_minutes": Entry(
        "How often everything that resuming needs is saved. A crash costs at most the steps since then. A checkpoint "
        "counts only when it is complete, and the two newest are kept. Stop, Pause and the end always save one.",
        "10 minutes.",
        "When saving a large model takes long, or the disk is slow.",
        "When the computer is switched off without warning now and then.",
    ),
    "checkpointing": Entry(
        "Forgets what a pass computed inside each layer and computes it again on the way back (Chen et al. 2016): far "
        "less memory for activations, about a third more time.",
        "Automatic: on only when the forecast doesn't fit otherwise.",
        choose="Always when memory runs out with one example at a time; never when speed counts and memory is plenty.",
    ),
    "precision": Entry(
        "In which numbers a pass computes. bfloat16 has the range of 32 bits in half the memory; fp16 is for older "
        "cards and needs its gradients scaled; 32-bit is exact and slow. What is trained stays in 32 bits.",
        "bfloat16 where there is hardware for it (NVIDIA from Ampere on, processors with AVX512-bf16 or AMX).",
        choose="Automatic. 32-bit when a loss becomes no number, or to compare runs exactly.",
    ),
    "seed": Entry(
        "Decides everything that is random: which rows are held out, their order, the adapter's first weights, what is "
        "dropped out. Same seed, data, settings and machine: same run.",
        "Any number; 42 by default.",
        choose="Change it to see how much of a difference between two runs is chance: with three seeds each, most of "
        "it shows.",
    ),
    "train_on": Entry(
        "Which tokens count in the loss: what the assistant says with its end of turn, its last answer alone, or the "
        "whole text. A turn that says of itself that it is only read (“weight”: 0 in OpenAI's form) is not learned, "
        "unless everything is.",
        "Answers only for instructions (as TRL's assistant_only_loss).",
        choose="The last answer only when earlier ones are context of doubtful quality; everything only for text whose "
        "prompts are to be learned as well.",
    ),
    "learn_user": Entry(
        "Whether the users' turns count in the loss beside the answers that are chosen above.",
        "Off. On, with no answers, for a model that is to play the user.",
        choose="Look at the tokens in the Data tab: what is learned is marked.",
    ),
    "learn_system": Entry(
        "Whether system turns count in the loss. They are the same in most rows, and then learned by heart at once.",
        "Off.",
        choose="Only for a model that is to write such turns itself.",
    ),
    "learn_tool": Entry(
        "Whether the results that tools gave count in the loss.",
        "Off: a model that learns to write results makes them up instead of waiting for the tool.",
        choose="Only for a model that is to stand in for a tool.",
    ),
    "samples": Entry(
        "How often over the run the model answers the same few prompts, always taking the likeliest token. Its answers "
        "stand in Runs under Samples, beside those from before training. Training itself is not touched by it.",
        "5; each takes a few seconds.",
        "To watch more closely how answers change.",
        "0 for none, when the model is large and slow.",
    ),
    "sample_prompts": Entry(
        "Prompts of your own for the samples, one a line. Empty takes the first held-out rows of the dataset.",
        "Three to five that show what the model is meant to learn, and one that it should go on doing as before.",
        choose="Your own when the dataset's rows are long or all alike.",
    ),
}
