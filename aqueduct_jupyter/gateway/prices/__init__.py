"""What a model's tokens cost, in US dollars.

* The operator's own prices come first, then published ones, which the package genai-prices brings
  along. A model without a known price has none: None, not 0.
* Published prices are read in a child process. Loading them would pause the server's event loop for
  25 ms, or for 400 ms if the package was installed without bytecode, and keep 13 MB.
"""
