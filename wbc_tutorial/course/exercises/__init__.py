"""Exercises: every ``check_...`` looks at an answer and gives feedback; `progress` counts what is solved.

No check raises an error, whatever the answer is. A number may come in any form that `reading.number` reads, and
`answers` says how it may be rounded.
"""

from wbc_tutorial.course.exercises.boda import (
    check_boda_by_hand,
    check_count_factor,
    check_fixed_loss,
    check_scale_for_one,
)
from wbc_tutorial.course.exercises.comparison import (
    check_paired_difference,
    check_runs_needed,
    check_shared_luck,
    check_what_the_table_carries,
)
from wbc_tutorial.course.exercises.coral import (
    check_batch_noise,
    check_coral_by_hand,
    check_coral_of_three,
    check_means_of_mixes,
)
from wbc_tutorial.course.exercises.dann import (
    check_chance,
    check_no_reversal,
    check_reversed_by_hand,
    check_waiting_schedule,
)
from wbc_tutorial.course.exercises.deciding import (
    check_black_patch,
    check_borrowed_threshold,
    check_false_alarm_of_a_patient,
    check_risk_at_coverage,
    check_rule_of_two,
    check_temperature,
)
from wbc_tutorial.course.exercises.decoupling import (
    check_another_mix,
    check_balanced_weights,
    check_class_share,
    check_two_scores,
)
from wbc_tutorial.course.exercises.feedback import Feedback, progress
from wbc_tutorial.course.exercises.imbalance import (
    check_imbalance_ratio,
    check_macro_f1,
    check_pull_and_push,
    check_weighted_push,
)
from wbc_tutorial.course.exercises.latent import (
    check_class_mix,
    check_silhouette_by_hand,
    check_ten_times_the_features,
    check_umap_claims,
)
from wbc_tutorial.course.exercises.loop import (
    check_cleared_too_late,
    check_cross_entropy,
    check_share_of_fall,
    check_training_step,
)
from wbc_tutorial.course.exercises.metrics import (
    check_absent_pairs,
    check_ceiling,
    check_macro_over_present,
    check_same_micro_lower_macro,
)
from wbc_tutorial.course.exercises.own_cells import (
    check_five_slides,
    check_label_map,
    check_scale_from_nuclei,
    check_split_by_slide,
    check_um_per_px,
)
from wbc_tutorial.course.exercises.recipes import (
    check_chosen_where,
    check_gap_closed,
    check_more_cells,
    check_t3a_weights,
    check_twenty_looks,
    check_white_balance,
)
from wbc_tutorial.course.exercises.shift import (
    check_more_stain,
    check_own_colour_removed,
    check_physical_crop,
    check_stain_twice,
)
from wbc_tutorial.course.exercises.start import (
    check_bluest_look,
    check_first_simulation,
    check_missing_classes,
    check_name_that_cell,
    mystery_cells,
    mystery_words,
)

__all__ = [
    "Feedback",
    "check_absent_pairs",
    "check_another_mix",
    "check_balanced_weights",
    "check_batch_noise",
    "check_black_patch",
    "check_bluest_look",
    "check_boda_by_hand",
    "check_borrowed_threshold",
    "check_ceiling",
    "check_chance",
    "check_chosen_where",
    "check_class_mix",
    "check_class_share",
    "check_cleared_too_late",
    "check_coral_by_hand",
    "check_coral_of_three",
    "check_count_factor",
    "check_cross_entropy",
    "check_false_alarm_of_a_patient",
    "check_first_simulation",
    "check_five_slides",
    "check_fixed_loss",
    "check_gap_closed",
    "check_imbalance_ratio",
    "check_label_map",
    "check_macro_f1",
    "check_macro_over_present",
    "check_means_of_mixes",
    "check_more_stain",
    "check_missing_classes",
    "check_more_cells",
    "check_name_that_cell",
    "check_no_reversal",
    "check_own_colour_removed",
    "check_paired_difference",
    "check_physical_crop",
    "check_pull_and_push",
    "check_reversed_by_hand",
    "check_risk_at_coverage",
    "check_rule_of_two",
    "check_runs_needed",
    "check_same_micro_lower_macro",
    "check_scale_for_one",
    "check_scale_from_nuclei",
    "check_share_of_fall",
    "check_shared_luck",
    "check_silhouette_by_hand",
    "check_split_by_slide",
    "check_stain_twice",
    "check_t3a_weights",
    "check_temperature",
    "check_ten_times_the_features",
    "check_training_step",
    "check_twenty_looks",
    "check_two_scores",
    "check_um_per_px",
    "check_umap_claims",
    "check_waiting_schedule",
    "check_weighted_push",
    "check_what_the_table_carries",
    "check_white_balance",
    "mystery_cells",
    "mystery_words",
    "progress",
]
