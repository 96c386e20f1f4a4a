"""Many inputs over many machines: depth-video on a Ray cluster, film by film and segment by segment."""

from video.cluster.run import ClusterChoice, run_cluster

__all__ = ["ClusterChoice", "run_cluster"]
