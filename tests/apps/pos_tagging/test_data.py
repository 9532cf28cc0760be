"""What is wrong with a treebank or a recipe is said before the training."""

import pytest

from apps.pos_tagging.recipe import RECIPES, TaggingRecipe
from apps.pos_tagging.task import TaggingOptions, TaggingTask
from apps.shared.errors import UserError


def test_what_is_wrong_with_a_treebank_is_said_before_the_training(treebank, tmp_path):
    broken = tmp_path / "bad.conllu"
    broken.write_text("1\tthe\t_\tDETT\t_\t_\t_\t_\t_\t_\n")
    for options, message in (
        ({"train_file": broken, "dev_file": treebank}, "line 1: 'DETT' in the fourth column"),
        ({"train_file": treebank, "dev_file": tmp_path / "none"}, "No file"),
        ({"data_dir": tmp_path}, r"No file \*-train\.conllu"),
    ):
        with pytest.raises(UserError, match=message):
            TaggingTask().train(TaggingRecipe(), TaggingOptions(output=tmp_path / "x", **options))


@pytest.mark.parametrize("settings", [{"embeddings": "bert"}, {"units": 0}, {"window": 0}])
def test_impossible_settings_are_refused(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        TaggingRecipe(**settings)
    assert set(RECIPES) == {"ewt"}
