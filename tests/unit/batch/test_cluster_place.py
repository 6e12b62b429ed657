"""What is no cluster, and what is none of ours, is told in a sentence."""

import pytest

from ndoki.batch.cluster_place import connected
from ndoki.cli.detect import run
from ndoki.core.errors import ConfigError

ARGUMENTS = "cluster:\n  class: distributed.LocalCluster\n  arguments: {colour: red}\n"


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("nowhere", "local:4 for four workers"),
        ("telepathy://a:1", "unknown address scheme 'telepathy'"),
        ("tcp://127.0.0.1", "expected the address of a scheduler"),
        ("local:0", "no workers"),
        ("absent.json", "No such file"),
        ("absent.yaml", "there is no such file"),
    ],
)
def test_what_is_no_cluster(where, words):
    with pytest.raises(ConfigError, match=words), connected(where):
        pass


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.json", "{}", "no file that a scheduler wrote"),
        ("a.json", "[", "no file that a scheduler wrote"),
        ("a.json", '{"address": "somewhere"}', "'somewhere' is no cluster"),
        ("a.yaml", "- 1\n", "not a readable Dask configuration"),
        ("a.yaml", "distributed: {}\n", "either scheduler-address, or cluster"),
        ("a.yaml", "cluster: {}\nscheduler-address: tcp://a:1\n", "either scheduler-address, or cluster"),
        ("a.yaml", "scheduler-address: somewhere\n", "'somewhere' is no cluster"),
        ("a.yaml", "cluster: SLURM\n", "nothing else"),
        ("a.yaml", "cluster: {class: a.B, workers: 3}\n", "nothing else"),
        ("a.yaml", "cluster: {class: nothing_there.Cluster}\n", "install its package"),
        ("a.yml", "cluster: {class: distributed.Clutter}\n", "install its package"),
    ],
)
def test_what_a_file_may_not_say(tmp_path, name, text, words):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ConfigError, match=words), connected(str(path)):
        pass


def test_jobs_and_cluster_contradict_each_other(tmp_path):
    with pytest.raises(ConfigError, match="not both"):
        run([str(tmp_path)], tmp_path / "out", cluster="local", jobs=2, detector="template")
