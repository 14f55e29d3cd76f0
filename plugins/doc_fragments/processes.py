# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The options of module_utils/_supervision/options.py."""

    DOCUMENTATION = r"""
options:
  application:
    description:
      - The application, in letters, digits, dots, C(-) and C(_). Processes of any other are never touched.
    type: str
    required: true
  slot:
    description:
      - The slot, such as V(blue), in the same characters. Processes of other slots of the application go on.
      - Without it the application has one set of processes.
    type: str
  state:
    description:
      - V(started) has exactly O(processes) run in the slot, as they are declared. What is other than declared is
        stopped and started anew. What is not declared any longer is stopped.
      - V(stopped) has none of them run. A start of the host brings back what was saved before.
      - V(absent) stops them and keeps nothing of them.
      - V(saved) has a start of the host bring back what runs now in this slot, and nothing of the application's others.
      - V(gathered) changes nothing and tells all.
      - With V(stopped) and V(absent), O(processes) can name those that are meant; otherwise it is all of the slot.
    type: str
    choices: [started, stopped, absent, saved, gathered]
    default: started
  release:
    description:
      - The directory of the release, required with O(state=started). Symbolic links are followed once, now, so that
        the processes stay with the release to which they lead.
    type: path
  candidate:
    description:
      - Start processes that are not started again if they end, so that a bad one is seen and does not crash over and
        over.
      - Processes that run as candidates already become ordinary ones with V(false), without being started anew.
    type: bool
    default: false
  save:
    description:
      - Once the processes run, do what O(state=saved) does as well. For O(state=started) without O(candidate).
    type: bool
    default: false
  stable:
    description:
      - For how many seconds, after they listen and answer, the processes have to stay as they are.
    type: float
    default: 5
  processes:
    description:
      - The processes, in the order in which they are started. They are stopped in the reverse order.
      - What is left out and stands in O(ecosystem) is taken from there.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - How people call it, in letters, digits, dots, C(-) and C(_).
        type: str
        required: true
      script:
        description:
          - The file that Node runs. A path that is not absolute is one in O(release).
          - Required, here or in O(ecosystem).
        type: str
      cwd:
        description:
          - The working directory, by default O(release). A path that is not absolute is one in it.
        type: str
      args:
        description:
          - The arguments of the script. Every user of the host can see them.
        type: list
        elements: str
      node:
        description:
          - The path of Node, or its name, by default C(node).
        type: str
      node_args:
        description:
          - The arguments of Node itself, for example V(--max-old-space-size=1024).
        type: list
        elements: str
      instances:
        description:
          - How many of it run, by default 1.
        type: int
      mode:
        description:
          - With V(cluster), instances share a port. V(fork), which is the default, does without PM2 between the process
            and its socket.
        type: str
        choices: [fork, cluster]
      port:
        description:
          - The port on which it has to listen. It is given to the process as C(PORT), unless O(processes[].environment)
            says otherwise.
        type: int
      ports:
        description:
          - Instead of that, the ports that it has in the slots V(blue) and V(green).
        type: list
        elements: int
      health:
        description:
          - The path that has to be answered with a status from 200 to 399, asked for on 127.0.0.1.
        type: str
      environment:
        description:
          - Variables that are no secrets, because every user of the host may see them.
        type: dict
      environment_file:
        description:
          - A file with further variables, which the process reads by itself as C(dotenv) of npm does. What
            O(processes[].environment) says wins. The file has to be readable by the processes' user.
          - A path that is not absolute is one in O(release). If what is in the file changes, the process is
            started anew.
        type: str
      memory_limit:
        description:
          - How much memory it may use, in bytes or with V(K), V(M) or V(G) at the end. If it uses more it is
            started anew.
        type: str
      kill_timeout:
        description:
          - How many seconds it has to end by itself after SIGINT, by default 10. Then it is killed.
        type: float
      listen_timeout:
        description:
          - How many seconds it has to listen on O(processes[].port) and to answer O(processes[].health), by default 30.
        type: float
      wait_ready:
        description:
          - Whether it says C(process.send("ready")) once it is.
        type: bool
      out_log:
        description:
          - The absolute path of the file to which it writes its output.
        type: path
      error_log:
        description:
          - The absolute path of the file to which it writes its errors.
        type: path
  ecosystem:
    description:
      - An C(ecosystem.config.js) from which processes are taken. A path that is not absolute is one in O(release).
      - It is a program, and is run as the processes' user. What of it cannot be had is told in warnings.
    type: str
  ecosystem_environment:
    description:
      - Which of its environments, for example V(production) for C(env_production).
    type: str
"""
