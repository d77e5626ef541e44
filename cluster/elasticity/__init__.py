"""How many hosts a load needs: the policy, the plan of a rush, and what carries them out."""
