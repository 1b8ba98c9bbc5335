"""Privacy accounting: what releases cost, in integers that everybody calculates alike."""
