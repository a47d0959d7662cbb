"""The node's own network layer, whole, through virtual days: real libp2p hosts, one process.

What the sans-I/O simulator stands for, this runs: Noise, Yamux, GossipSub, dialling, back-off,
bans, pings, taking down and building anew. Beneath it TCP is in memory (`wires`), time is trio's
`MockClock`, chance follows a seed (`virtual`). Above it a node's records are those of the
simulator's `Store`, folded by the real fold.

    wires    TCP in memory: machines, lines, what goes wrong with them
    virtual  clocks and chance of the process, for one run
    house    one node: network layer, records, member; its switches
    faults   what happens in a day, from a seed
    census   how large the tables of the network layer have grown
    day      the run: acts, faults, checks, healing, the end

`python -m simulator.driver --nodes 20 --hours 24` runs a day.
"""
